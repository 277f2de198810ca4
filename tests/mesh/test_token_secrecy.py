"""Nothing of a token, nor of who showed it, is in logs, spans or metrics."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bench.measuring.issuer import bearer, private, settings, token
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from services.common.telemetry.logs import EventFormatter
from services.gateway import lifecycle
from services.gateway.account import ledger
from tests.measured import measured
from tests.mesh.mesh import Heard, gateway_address, hello, read_into, text

TENANT, SUBJECT, TOKEN_ID = "a-tenant-to-look-for", "a-subject-to-look-for", "an-id-to-look-for"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for module in (lifecycle, ledger):
        monkeypatch.setattr(module, "tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


async def test_no_part_of_a_token_is_in_a_log_or_a_metric_or_a_refusal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spans: InMemorySpanExporter
) -> None:
    caplog.set_level(logging.DEBUG)
    said: dict[str, Any] = {"tenant": TENANT, "sub": SUBJECT, "jti": TOKEN_ID}
    good, forged, bare = token(**said), token(key=private("EdDSA", "x"), **said), token(scope="describe", **said)
    told: list[str] = []
    with measured() as seen:
        async with (
            gateway_address(**settings(tmp_path, usage=tmp_path / "usage")) as address,
            grpc.aio.insecure_channel(address) as channel,
        ):
            for made in (good, forged, bare):
                heard, call = Heard(), RealtimeTranslateStub(channel).Stream(metadata=bearer(made))
                await call.write(hello("es"))
                await call.write(pb.ClientMessage(renewal=pb.Renewal(token=forged)))
                await call.write(text("good morning", final=True))
                await call.done_writing()
                await read_into(heard, call)
                told += [str(each) for each in heard.messages] + [str(heard.fault)]
        series = seen.series()
    written = [EventFormatter("gateway").format(record) for record in caplog.records]
    assert spans.get_finished_spans()
    assert ("usage.characters", "default") in series
    assert any("session used" in line for line in written)
    secrets = {part for made in (good, forged, bare) for part in made.split(".")[1:]} | {TENANT, SUBJECT, TOKEN_ID}
    everything = "\n".join([*told, *written, repr(series), *(each.to_json() for each in spans.get_finished_spans())])
    assert not [secret for secret in secrets if secret in everything]
