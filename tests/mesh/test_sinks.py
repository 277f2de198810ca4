"""What four processes show of sessions, in every sink: what is in the schema, nothing else, and no word of anybody."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from babelmesh.local import supervisor
from docs.telemetry import scraped
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.telemetry.metrics import METRICS
from tests.mesh.collector import Series, collector
from tests.mesh.mesh import UTTERANCE, Call, Heard, chunks, hello, read_into, text
from tests.mesh.relay import relay

SPOKEN, TYPED, TOKEN, TENANT = "kookaburra", "bandicoot", "quokka-7f3a", "numbat-inc"
PEER = "127.0.0.77"  # every client here comes from there
SERVICES = ("gateway", "asr", "mt", "tts")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

Label = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sinks:
    """All that left a mesh, and what its client had."""

    heard: Heard
    handles: frozenset[str]
    logs: bytes
    traces: bytes
    metrics: bytes
    series: frozenset[Series]
    fresh: Mapping[str, str]  # /metrics of each service, before any session
    pages: Mapping[str, str]  # likewise, after the first
    open_pages: Mapping[str, str]  # likewise, as OpenMetrics
    before: Mapping[str, str]  # likewise, after the first strange calls
    after: Mapping[str, str]  # and after many more of them


@pytest.fixture(scope="module")
def sinks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sinks]:
    with pytest.MonkeyPatch.context() as environment:
        for service in SERVICES:
            environment.setenv(f"{service.upper()}_LOG_LEVEL", "DEBUG")
        for stage in SERVICES[1:]:
            environment.setenv(f"{stage.upper()}_ENGINE", "scripted")
        environment.setenv("ASR_VAD", "energy")
        environment.setenv("ASR_SCRIPTED__TEXT", f"{SPOKEN} after {SPOKEN} again")
        environment.setenv("GATEWAY_TENANT_METADATA", "x-tenant")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        environment.setenv("OTEL_METRIC_EXPORT_INTERVAL", "200")
        yield asyncio.run(observe(environment, tmp_path_factory.mktemp("logs")))


async def observe(environment: pytest.MonkeyPatch, logs: Path) -> Sinks:
    """A session, the same once more by its handle, and strange calls, in a mesh that has ended afterwards."""
    async with collector() as (traces, metrics, endpoint):
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        admin = dict(zip(SERVICES, supervisor.unused_ports(len(SERVICES)), strict=True))
        for service, port in admin.items():
            environment.setenv(f"{service.upper()}_ADMIN", f"127.0.0.1:{port}")
        async with mesh(logs) as channel:
            fresh = await scrape(admin)
            heard = await converse(channel)
            handles = frozenset(
                each.resume_handle for each in (*heard.of("ready"), *heard.of("ack")) if each.resume_handle
            )
            pages, open_pages = await scrape(admin), await scrape(admin, OPENMETRICS)
            await attack(channel, 0)
            before = await scrape(admin)
            for number in range(1, 6):
                await attack(channel, number)
            after = await scrape(admin)
    written = b"".join((logs / f"{name}.log").read_bytes() for name in SERVICES)
    sent = traces.received, metrics.received, frozenset(metrics.series)
    return Sinks(heard, handles, written, *sent, fresh, pages, open_pages, before, after)


@asynccontextmanager
async def mesh(logs: Path) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a mesh of four processes, from PEER."""
    ports = supervisor.free_ports()
    async with (
        supervisor.running(supervisor.mesh_services(ports), logs),
        relay(f"127.0.0.1:{ports.gateway}") as (address, relaying),
        grpc.aio.insecure_channel(address) as channel,
    ):
        relaying.source = (PEER, 0)
        yield channel


async def converse(channel: grpc.aio.Channel) -> Heard:
    messages = [hello("es", "fr"), *chunks(UTTERANCE * 2), text(f"a typed {TYPED}")]
    heard = await call(channel, messages, (("authorization", f"Bearer {TOKEN}"), ("x-tenant", TENANT)))
    resumed = await call(
        channel, [hello("es", "fr", resume_handle=heard.of("ready")[0].resume_handle)], (("x-tenant", TENANT),)
    )
    assert heard.fault is None
    assert resumed.of("ready")
    return heard


async def call(channel: grpc.aio.Channel, messages: Iterable[pb.ClientMessage], metadata: tuple[Label, ...]) -> Heard:
    """A call with all its messages, heard to its end."""
    stream: Call = pb_grpc.RealtimeTranslateStub(channel).Stream(metadata=metadata)
    heard = Heard()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_into(heard, stream))
        try:
            for message in messages:
                await stream.write(message)
            await stream.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the server has ended the call
    return heard


async def attack(channel: grpc.aio.Channel, number: int) -> None:
    """Calls with names made up for each number: of languages, methods, metadata, handles and voices."""
    made_up = (("x-made-up", f"{TOKEN}-{number}"), (f"x-{TOKEN}-{number}", "1"), ("x-tenant", f"{TENANT}-{number}"))
    strange = f"x{chr(ord('a') + number)}"
    for first in (
        hello(f"es-x-{TOKEN[:6]}{number}", source_lang=f"en-x-{TYPED[:6]}{number}"),  # languages we have, oddly written
        hello(f"{strange}-{TYPED}", source_lang="en"),
        hello("es", source_lang=f"{strange}-{TYPED}"),
        hello("es", resume_handle=f"{TOKEN}{number}"),
        hello(pb.Target(lang="es", voice=f"{TYPED}{number}")),
        text(f"{TYPED}{number}"),  # no hello
    ):
        await call(channel, [first, *chunks(UTTERANCE), text(f"{TYPED} {number}")], made_up)
    stub = pb_grpc.RealtimeTranslateStub(channel)
    for lang in (f"es-x-{TOKEN[:6]}{number}", f"{strange}-{TYPED}"):
        await ended(
            stub.TranslateText(
                pb.TranslateTextRequest(text=TYPED, source_lang="en", target_langs=[lang]), metadata=made_up
            )
        )
    for path in (f"/realtime.v1.RealtimeTranslate/{TYPED}{number}", f"/{TYPED}.{number}/Any", f"/mesh.{number}/Any"):
        unknown: Any = channel.unary_unary(path)
        await ended(unknown(b"", metadata=made_up))


async def ended(answer: Any) -> None:
    with suppress(grpc.aio.AioRpcError):  # refused, or not
        await answer


async def scrape(admin: Mapping[str, int], accept: str = "text/plain") -> dict[str, str]:
    def get(port: int) -> str:
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return str(answer.read().decode())

    return {service: await asyncio.to_thread(get, port) for service, port in admin.items()}


def samples(page: str) -> set[tuple[str, frozenset[Label]]]:
    """Names and labels of all series."""
    return {(each.name, frozenset(each.labels.items())) for family in read_text(page) for each in family.samples}


def allowed() -> dict[str, set[str]]:
    """The labels of every series there may be, by its name."""
    labels = {}
    for name, series in scraped(METRICS.values()).items():
        attributes = set(METRICS[name].attributes)
        if METRICS[name].kind != "histogram":
            labels[series] = attributes
            continue
        for part, more in (("bucket", {"le"}), ("sum", set[str]()), ("count", set[str]())):
            labels[f"{series.removesuffix('_bucket')}_{part}"] = attributes | more
    return labels


@pytest.mark.parametrize("service", SERVICES)
def test_every_series_that_is_scraped_is_in_the_schema(sinks: Sinks, service: str) -> None:
    schema = allowed()
    found = [each for each in samples(sinks.after[service]) if each[0] != "target_info"]
    assert not [(name, labels) for name, labels in found if not dict(labels).keys() <= schema.get(name, set())]
    stages = {dict(labels)["stage"] for name, labels in found if name == "babelmesh_state"}
    assert stages == {service}
    names = {name for name, _ in found}
    assert {"babelmesh_slots_total", "babelmesh_slots_used", "babelmesh_rpc_active"} <= names
    assert "babelmesh_rpc_duration_seconds_bucket" in names
    assert ("babelmesh_engine" in names) is (service != "gateway")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_shows_that_it_has_refused_nobody_before_it_does(sinks: Sinks, service: str) -> None:
    found = [each for family in read_text(sinks.fresh[service]) for each in family.samples]
    refused = {(each.labels["stage"], each.labels["code"]): each.value for each in found if "refusals" in each.name}
    for code in ("AT_CAPACITY", "DRAINING", "STUCK"):
        assert refused[service, code] == 0


@pytest.mark.parametrize("service", SERVICES)
def test_a_scrape_tells_whose_it_is_and_is_readable_as_openmetrics_too(sinks: Sinks, service: str) -> None:
    page = sinks.open_pages[service]
    families = {family.name: family for family in read_openmetrics(page)}  # type: ignore[no-untyped-call]  # untyped there
    told = families["target"].samples[0].labels
    assert told["service_name"] == f"babelmesh-{service}"
    assert told["service_version"]
    assert told["service_instance_id"]


def test_the_same_metrics_go_over_otlp_at_the_same_time(sinks: Sinks) -> None:
    assert {each.service for each in sinks.series} == {f"babelmesh-{service}" for service in SERVICES}
    wrong = [
        each for each in sinks.series if not {key for key, _ in each.attributes} <= {*METRICS[each.metric].attributes}
    ]
    assert not wrong
    session = Series(
        "babelmesh-gateway",
        "babelmesh.rpc.duration",
        (("code", "OK"), ("rpc", "realtime.v1.RealtimeTranslate/Stream")),
    )
    assert session in sinks.series


@pytest.mark.parametrize("service", SERVICES)
def test_names_that_callers_make_up_make_no_series(sinks: Sinks, service: str) -> None:
    assert samples(sinks.before[service])
    assert not samples(sinks.after[service]) - samples(sinks.before[service])


@pytest.mark.parametrize("secret", [SPOKEN, TYPED, TOKEN, TENANT, PEER])
def test_nothing_that_a_client_says_or_is_known_by_is_in_any_sink(sinks: Sinks, secret: str) -> None:
    assert any(SPOKEN in transcript.lower() for transcript in sinks.heard.transcripts())
    for sink in all_of(sinks):
        assert sink
        assert secret.encode() not in sink.lower()


def test_no_handle_is_in_any_sink(sinks: Sinks) -> None:
    assert sinks.handles
    assert not [handle for handle in sinks.handles for sink in all_of(sinks) if handle.encode() in sink]


def all_of(sinks: Sinks) -> list[bytes]:
    pages = [page for pages in (sinks.pages, sinks.open_pages, sinks.after) for page in pages.values()]
    return [sinks.logs, sinks.traces, sinks.metrics, *(page.encode() for page in pages)]
