"""What four processes leave behind: no word of anybody, but in the archive where one was asked for.

Searched are the whole disk below a folder of the mesh's own (logs, archive, audit log, the folder for temporary files),
spans and metrics. docs/data-flow.md says where data is; this holds it to that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from babelmesh.cli.archive import Chosen, Office, deleted
from babelmesh.local import supervisor
from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.archived import OPERATOR, SECRET, archiving, files, records
from tests.mesh.collector import collector
from tests.mesh.mesh import UTTERANCE, chunks, hello, text
from tests.mesh.relay import relay
from tests.mesh.test_sinks import PEER, SERVICES, SPOKEN, TENANT, TOKEN, TYPED, call, scrape

PERSON, TERM = "dingo-person", "cassowary"
CANARIES = (SPOKEN, TYPED, TENANT, TOKEN, PERSON, TERM, PEER)


@dataclass(frozen=True, slots=True)
class Left:
    """What a mesh left behind, and what was in its archive before that was deleted."""

    disk: Mapping[str, bytes]
    sent: Mapping[str, bytes]  # spans and metrics
    archived: str
    deleted: Mapping[str, bytes]  # the disk after the person's sessions were deleted


@pytest.fixture(scope="module", params=[True, False], ids=["archive", "no archive"])
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    folder = tmp_path_factory.mktemp("canaries")
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
        (folder / "temp").mkdir()
        environment.setenv("TMPDIR", str(folder / "temp"))
        if request.param:
            for name, value in archiving(folder, (TENANT,), archive_audio=True).items():
                environment.setenv(f"GATEWAY_{name.upper()}", str(value))
        yield asyncio.run(observe(environment, folder))


async def observe(environment: pytest.MonkeyPatch, folder: Path) -> Left:
    ports, archived, after = supervisor.free_ports(), "", {}
    async with collector() as (traces, metrics, endpoint):
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        admin = dict(zip(SERVICES, supervisor.unused_ports(len(SERVICES)), strict=True))
        for service, port in admin.items():
            environment.setenv(f"{service.upper()}_ADMIN", f"127.0.0.1:{port}")
        async with supervisor.running(supervisor.mesh_services(ports), folder / "logs"):
            await converse(f"127.0.0.1:{ports.gateway}")
            pages = "".join((await scrape(admin)).values()).encode()
            disk = files(folder)
            if (folder / "keys").exists():
                await asyncio.sleep(1.0)  # twice as long as it takes to write
                disk = files(folder)
                archived = str(await records(folder))
                office = Office(f"127.0.0.1:{ports.operations}", OPERATOR)
                await deleted(office, Chosen(subject=PERSON), None)
                after = files(folder)
    disk |= {f"{name} at the end": content for name, content in files(folder).items()}
    sent = {"spans": traces.received, "metrics": metrics.received, "scraped": pages}
    return Left(disk, sent, archived, after)


async def converse(address: str) -> None:
    term = pb.Glossary(terms=[pb.GlossaryTerm(source=TERM, translations={"es": f"{TERM} español"})])
    said = [hello("es", glossary=term), *chunks(UTTERANCE), text(f"a typed {TYPED} and a {TERM}", final=True)]
    who = (("authorization", f"Bearer {TOKEN}"), ("x-tenant", TENANT), ("babelmesh-subject", PERSON))
    async with relay(address) as (through, relaying), grpc.aio.insecure_channel(through) as channel:
        relaying.source = (PEER, 0)
        heard = await call(channel, said, who)
    assert heard.fault is None
    assert any(SPOKEN in each.lower() for each in heard.transcripts())


@pytest.mark.parametrize("canary", CANARIES)
def test_nobodys_words_or_names_are_on_the_disk_or_in_what_is_sent(left: Left, canary: str) -> None:
    assert len(left.disk) > len(SERVICES)
    assert all(left.sent.values())
    for name, content in {**left.disk, **left.sent, **left.deleted}.items():
        assert canary.encode() not in content.lower(), name
        assert canary not in name.lower()
        assert SECRET.encode() not in content


def test_the_archive_that_was_asked_for_has_the_words_and_loses_them_when_they_are_deleted(left: Left) -> None:
    parts = [name for name in left.disk if name.startswith("kept/") and "audit" not in name]
    assert bool(parts) is bool(left.archived)
    if left.archived:
        assert all(canary in left.archived.lower() for canary in (SPOKEN, TYPED, TENANT, PERSON))
        assert left.deleted
        assert not [name for name in left.deleted if name.startswith("kept/") and "audit" not in name]
