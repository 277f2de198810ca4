"""The client against a server that does what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from opentelemetry import context as trace_context
from opentelemetry import trace

import babelmesh
from babelmesh.client.events import Event
from babelmesh.client.session import Session, Source
from realtime.v1 import realtime_translate_pb2 as pb
from tests.unit.babelmesh.fake_server import Call, Script, Server, interpret, refusal, serving

pytestmark = pytest.mark.clock

CHUNK = bytes(3200)


async def _source(count: int = 3) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield CHUNK


async def _events(address: str, source: Source | None = None) -> list[Event]:
    async with babelmesh.connect(address) as mesh, mesh.session("en", targets=["es", "ca"]) as session:
        return [event async for event in session.translate(source or _source())]


@asynccontextmanager
async def _session(script: Script) -> AsyncIterator[tuple[Session, Server]]:
    async with (
        serving(script) as (address, server),
        babelmesh.connect(address) as mesh,
        mesh.session("en", targets=["es"]) as session,
    ):
        yield session, server


async def test_a_source_is_sent_whole_and_every_event_arrives() -> None:
    async with serving(interpret) as (address, server):
        events = await _events(address)
    (call,) = server.calls
    assert call.hello.source_lang == "en"
    assert [target.lang for target in call.hello.targets] == ["es", "ca"]
    assert call.hello.input.format == "pcm16le"
    assert [message.audio.data for message in call.received] == [CHUNK] * 3
    finals = [event.text for event in events if isinstance(event, babelmesh.TranslationResult) and event.final]
    assert finals == ["Hello in es.", "Hello in ca."]
    assert isinstance(events[-1], babelmesh.End)
    assert not events[-1].target_lang


async def test_audio_waits_for_ready() -> None:
    order: list[str] = []

    async def script(call: Call) -> None:
        waiting = asyncio.ensure_future(call.read())
        await asyncio.sleep(0.05)
        order.append("ready" if not waiting.done() else "audio")
        await call.ready()
        await waiting
        await call.read_all()

    async with serving(script) as (address, _):
        await _events(address)
    assert order == ["ready"]


@pytest.mark.parametrize("message", ["Not here.", "hello.targets[0].lang: Not here. Accepted: ca, es."])
async def test_a_refusal_in_the_stream_is_typed(message: str) -> None:
    async def script(call: Call) -> None:
        error = pb.Error(code="UNKNOWN_LANGUAGE", message=message, field="hello.targets[0].lang", fatal=True)
        error.accepted.extend(["ca", "es"])
        await call.send(error=error)

    async with serving(script) as (address, _):
        with pytest.raises(babelmesh.SessionFailed) as failed:
            await _events(address)
    assert failed.value.code == "UNKNOWN_LANGUAGE"
    assert failed.value.accepted == ("ca", "es")
    assert str(failed.value) == "hello.targets[0].lang: Not here. Accepted: ca, es."


async def test_a_refusal_by_status_is_typed_the_same() -> None:
    async def script(call: Call) -> None:
        details = (("grpc-status-details-bin", refusal().SerializeToString()),)
        await call.context.abort(grpc.StatusCode.INVALID_ARGUMENT, refusal().message, trailing_metadata=details)

    async with serving(script) as (address, _):
        with pytest.raises(babelmesh.SessionFailed) as failed:
            await _events(address)
    assert (failed.value.code, failed.value.field) == ("UNKNOWN_LANGUAGE", "hello.targets[0].lang")
    assert failed.value.retry_after_ms == 500
    assert str(failed.value) == refusal().message


async def test_a_fatal_error_mid_stream_is_raised_where_the_events_are_read() -> None:
    async def script(call: Call) -> None:
        await call.ready()
        await call.read()
        await call.send(error=pb.Error(code="ASR_UNAVAILABLE", message="Gone.", retry_after_ms=1000, fatal=True))
        await call.read_all()
        await call.context.abort(grpc.StatusCode.UNAVAILABLE, "Gone.")

    async with _session(script) as (session, _):
        events = session.translate(_source(100))
        with pytest.raises(babelmesh.SessionFailed, match="Gone") as failed:
            await anext(events)
    assert failed.value.retry_after_ms == 1000


async def test_an_error_that_is_not_fatal_is_an_event() -> None:
    async def script(call: Call) -> None:
        await call.ready()
        await call.send(error=pb.Error(code="TTS_UNAVAILABLE", message="Captions only."))
        await call.read_all()

    async with serving(script) as (address, _):
        (event,) = await _events(address)
    assert isinstance(event, babelmesh.Error)


async def test_nobody_there_is_told_as_unreachable() -> None:
    with pytest.raises(babelmesh.SessionFailed, match="No server answers") as failed:
        await _events("127.0.0.1:1")
    assert failed.value.code == "UNREACHABLE"


async def test_a_server_that_goes_away_is_told_as_lost() -> None:
    async def script(call: Call) -> None:
        await call.ready()
        await call.context.abort(grpc.StatusCode.UNAVAILABLE, "Cancelling all calls")

    async with serving(script) as (address, _):
        with pytest.raises(babelmesh.SessionFailed) as failed:
            await _events(address)
    assert failed.value.code == "CONNECTION_LOST"


async def test_a_server_that_stops_reading_makes_send_audio_wait() -> None:
    async def script(call: Call) -> None:
        await call.ready()
        await asyncio.Event().wait()

    sent = 0

    async def send_on(session: Session) -> None:
        nonlocal sent
        async with asyncio.timeout(1):
            while True:
                await session.send_audio(CHUNK)
                sent += 1

    async with _session(script) as (session, _):
        with pytest.raises(TimeoutError):
            await send_on(session)
    assert 1 < sent < 60  # six seconds; a default connection takes 1,300 chunks


async def test_leaving_a_session_early_cancels_the_call_and_leaves_no_task() -> None:
    async with serving(interpret) as (address, server):
        async with babelmesh.connect(address) as mesh, mesh.session("en", targets=["es"]) as session:
            async for _event in session.translate(_source(1_000_000)):
                break
        async with asyncio.timeout(60):
            await server.ended.wait()


async def test_what_the_source_raises_comes_out_of_the_session() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield CHUNK
        raise babelmesh.AudioUnreadable("The tape is torn.")

    async with serving(interpret) as (address, _):
        with pytest.raises(babelmesh.AudioUnreadable, match="torn"):
            await _events(address, broken())


async def test_one_language_is_one_target() -> None:
    async with (
        serving(interpret) as (address, server),
        babelmesh.connect(address) as mesh,
        mesh.session("en", targets="es") as session,
    ):
        await session.set_targets("ca")
        await session.end()
        async for _event in session:
            pass
    (turned,) = server.calls[0].received
    assert [target.lang for target in server.calls[0].hello.targets] == ["es"]
    assert [target.lang for target in turned.control.targets] == ["ca"]


async def test_every_control_arrives_as_the_contract_names_it() -> None:
    async with _session(interpret) as (session, server):
        await session.send_text("one ", final=False)
        await session.commit()
        await session.pause()
        await session.unpause()
        await session.interrupt("es")
        await session.ping("here")
        await session.set_targets(["ca"])
        await session.send_audio(CHUNK, offset_samples=0)
        await session.end()
        async for _event in session:
            pass
    received = server.calls[0].received
    actions = [message.control.action for message in received if message.HasField("control")]
    assert actions == ["commit", "pause", "resume", "interrupt", "ping", "set_target_lang"]
    assert received[-1].audio.HasField("offset_samples")


async def test_a_source_that_says_nothing_for_long_keeps_the_session() -> None:
    heard = asyncio.Event()

    async def quiet() -> AsyncIterator[str]:
        await heard.wait()
        yield "Hello."

    async def script(call: Call) -> None:
        await call.send(ready=pb.Ready(limits=pb.Limits(idle_timeout_ms=90)))
        for _ in range(3):
            if (message := await call.read()) is not None:
                await call.send(marker=pb.Marker(marker=message.control.marker))
        heard.set()
        await call.read_all()

    async with serving(script) as (address, server):
        assert await _events(address, quiet()) == []
    assert [message.control.action for message in server.calls[0].received[:3]] == ["ping"] * 3


async def test_commands_may_be_sent_while_a_source_is() -> None:
    async with _session(interpret) as (session, server):
        events = session.translate(_source(300))
        for _ in range(50):
            await session.commit()
        assert [event async for event in events]
    assert len(server.calls[0].received) == 350


async def test_sending_after_the_end_is_told() -> None:
    async with _session(interpret) as (session, _):
        await session.end()
        with pytest.raises(babelmesh.SessionFailed) as failed:
            await session.send_audio(CHUNK)
    assert failed.value.code == "SESSION_ENDED"


async def test_the_callers_trace_goes_along() -> None:
    span = trace.NonRecordingSpan(trace.SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=trace.TraceFlags(1)))
    token = trace_context.attach(trace.set_span_in_context(span))
    try:
        async with serving(interpret) as (address, server):
            await _events(address)
    finally:
        trace_context.detach(token)
    assert server.metadata["traceparent"].split("-")[1] == f"{0xABC:032x}"


async def test_text_and_description_are_one_call_each() -> None:
    async with serving(interpret) as (address, _), babelmesh.connect(address) as mesh:
        assert await mesh.translate_text("hello", "en", ["es", "ca"]) == {"es": "HELLO", "ca": "HELLO"}
        assert await mesh.translate_text("hello", "en", "es") == {"es": "HELLO"}
        assert list((await mesh.describe()).source_langs) == ["en-US"]
