"""A client's trace runs through all four processes. What is in none is looked for in test_sinks.py."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from babelmesh import supervisor
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from tests.mesh.mesh import UTTERANCE, Heard, chunks, hello, read_into, text
from tests.mesh.otlp import Receiver, Span, receiver

TRACE_ID, CLIENT_SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

WORK = {
    "asr.recognize": "babelmesh-asr",
    "mt.translate": "babelmesh-mt",
    "tts.synthesize": "babelmesh-tts",
}


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for stage in ("ASR", "MT", "TTS"):
        monkeypatch.setenv(f"{stage}_ENGINE", "scripted")
    monkeypatch.setenv("ASR_VAD", "energy")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    return monkeypatch


async def test_one_trace_connects_the_client_and_all_four_processes(
    scripted: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with receiver() as (received, endpoint):
        scripted.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        heard = await spoken_session(tmp_path)
    assert heard.fault is None
    assert {span.trace_id for span in received.spans} == {TRACE_ID}
    (session,) = received.named("session")
    assert (session.service, session.parent_id) == ("babelmesh-gateway", CLIENT_SPAN_ID)
    segments = received.named("segment")
    assert len(segments) == 3  # two spoken, one typed
    assert {segment.parent_id for segment in segments} == {session.span_id}
    for name, service in WORK.items():
        check_work(received, name, service, segments)
    assert len(received.named("asr.recognize")) == 2


def check_work(received: Receiver, name: str, service: str, segments: list[Span]) -> None:
    """The stage's spans hang below segments, and lie within the session."""
    spans = received.named(name)
    (session,) = received.named("session")
    assert spans
    assert {span.service for span in spans} == {service}
    assert {span.parent_id for span in spans} <= {segment.span_id for segment in segments}
    assert all(session.start_ns <= span.start_ns <= span.end_ns for span in spans)


async def test_without_a_collector_nothing_is_exported(scripted: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with receiver() as (received, _):
        heard = await spoken_session(tmp_path)
    assert heard.fault is None
    assert received.spans == []


async def spoken_session(logs: Path) -> Heard:
    """Two utterances and a typed line through a mesh of four processes, which has ended afterwards."""
    ports = supervisor.free_ports()
    heard = Heard()
    async with (
        supervisor.running(supervisor.mesh_services(ports), logs),
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.gateway}") as channel,
    ):
        stub = pb_grpc.RealtimeTranslateStub(channel)
        call = stub.Stream(metadata=(("traceparent", f"00-{TRACE_ID}-{CLIENT_SPAN_ID}-01"),))
        for message in [hello("es", "fr"), *chunks(UTTERANCE * 2), text("a typed line")]:
            await call.write(message)
        await call.done_writing()
        await read_into(heard, call)
    return heard
