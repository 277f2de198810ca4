"""A client's trace runs through all four processes. What is in none is looked for in test_sinks.py."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from babelmesh.local import supervisor
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from tests.mesh.mesh import UTTERANCE, Heard, chunks, hello, read_into, text
from tests.mesh.otlp import Receiver, Span, reached, receiver

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
    for stage in ("MT", "TTS"):  # their calls share batches
        scripted.setenv(f"{stage}_SCRIPTED__COMPUTE_MS", "5")
        scripted.setenv(f"{stage}_SCRIPTED__BATCH", "8")
        scripted.setenv(f"{stage}_SCRIPTED__BATCH_WAIT_MS", "20")
    scripted.setenv("TTS_SCRIPTED__PIECE_MS", "1000")
    scripted.setenv("GATEWAY_TRUST_TRACES", "true")
    async with receiver() as (received, endpoint):
        scripted.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        heard = await spoken_session(tmp_path)
    assert heard.fault is None
    batches = received.named("scripted.batch")
    check_tree([span for span in received.spans if span not in batches])
    check_batches(received, batches)
    (session,) = received.named("session")
    assert (session.service, session.parent_id) == ("babelmesh-gateway", CLIENT_SPAN_ID)
    assert session.attributes == {
        "babelmesh.session_id": heard.of("ready")[0].session_id,
        "babelmesh.epoch": 0,
        "babelmesh.source_lang": "en-US",
        "babelmesh.target_langs": ["es", "fr"],
        "babelmesh.outcome": "done",
    }
    segments = received.named("segment")
    assert len(segments) == 3  # two spoken, one typed
    assert {segment.parent_id for segment in segments} == {session.span_id}
    for segment in segments:
        check_segment(segment, heard)
    for name, service in WORK.items():
        check_work(received, name, service, segments)
    assert len(received.named("asr.recognize")) == 2


def check_tree(spans: list[Span]) -> None:
    """The client's span is the one root, and every span is reached from it, in all four services."""
    assert {span.trace_id for span in spans} == {TRACE_ID}
    assert {span.service for span in spans} == {"babelmesh-gateway", *WORK.values()}
    assert reached(CLIENT_SPAN_ID, spans) == {CLIENT_SPAN_ID, *(span.span_id for span in spans)}


def check_batches(received: Receiver, batches: list[Span]) -> None:
    """Each batch is linked to the calls in it, and they to it."""
    for service, work in (("babelmesh-mt", "mt.step"), ("babelmesh-tts", "tts.synthesize")):
        own = [batch for batch in batches if batch.service == service]
        members = received.named(work)
        assert max(batch.attributes["babelmesh.batch.items"] for batch in own) > 1
        assert all(len(batch.linked) == batch.attributes["babelmesh.batch.items"] for batch in own)
        there = {(batch.span_id, member) for batch in own for member in batch.linked}
        back = {(batch, member.span_id) for member in members for batch in member.linked}
        assert there == back
        assert {member for _, member in there} == {member.span_id for member in members}


def check_segment(segment: Span, heard: Heard) -> None:
    """It tells the steps of its ledger as the client was told them."""
    number = segment.attributes["babelmesh.segment_id"]
    assert segment.attributes["babelmesh.degraded"] is False
    told = {latency.target_lang: latency for latency in heard.of("latency") if latency.segment_id == number}
    delivered = {event["babelmesh.target_lang"]: event for name, event in segment.events if name == "delivered"}
    assert set(delivered) == set(told) == {"es", "fr"}
    for lang, event in delivered.items():
        assert event["babelmesh.outcome"] == "whole"
        for step in ("captured_ms", "received_ms", "recognized_ms", "translated_ms", "first_audio_ms", "sent_ms"):
            assert event.get(f"babelmesh.{step}", 0) == getattr(told[lang], step)


def check_work(received: Receiver, name: str, service: str, segments: list[Span]) -> None:
    """The stage's spans hang below segments, and lie within the session."""
    spans = received.named(name)
    (session,) = received.named("session")
    assert spans
    assert {span.service for span in spans} == {service}
    assert {span.parent_id for span in spans} <= {segment.span_id for segment in segments}
    assert all(session.start_ns <= span.start_ns <= span.end_ns for span in spans)


async def test_a_strangers_trace_is_linked_and_not_gone_on_with(scripted: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever chooses a trace's id chooses what is sampled, and whose spans ours lie among."""
    async with receiver() as (received, endpoint):
        scripted.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        heard = await spoken_session(tmp_path)
    assert heard.fault is None
    (session,) = received.named("session")
    assert TRACE_ID not in {span.trace_id for span in received.spans}
    assert (session.parent_id, session.linked) == ("", frozenset({CLIENT_SPAN_ID}))
    assert {span.trace_id for name in WORK for span in received.named(name)} == {session.trace_id}


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
