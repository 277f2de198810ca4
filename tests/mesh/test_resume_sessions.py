"""Sessions of every kind go on; those that run are told to, or made to."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.audio import Resampler, from_bytes
from services.common.errors import AtCapacity, StageFailed, Superseded
from tests.mesh.checks import check
from tests.mesh.mesh import (
    RATE,
    UTTERANCE,
    Heard,
    audio,
    chunks,
    control,
    gateway,
    gateway_address,
    hello,
    loud,
    quiet,
    read_into,
    talk,
    text,
)
from tests.mesh.resuming import chunks_from, handle, joined, lost_after, resumed, resuming, until_open

SAID = UTTERANCE + loud(1.0) + quiet(1.0)
SAME_WORDS: dict[str, Any] = {"text": "word"}


@pytest.mark.parametrize("count", [6, 20, 45])
@pytest.mark.parametrize(
    "wanted",
    [
        [pb.Target(lang="es"), pb.Target(lang="fr", delivery=pb.DELIVERY_CAPTIONS)],
        [pb.Target(lang="es", delivery=pb.DELIVERY_SPEECH)],
        [pb.Target(lang="es", delivery=pb.DELIVERY_CAPTIONS)],
    ],
    ids=["two languages", "speech", "captions"],
)
async def test_every_kind_of_target_goes_on(wanted: list[pb.Target], count: int) -> None:
    async with gateway(asr=SAME_WORDS) as stub:
        undisturbed = await talk(stub, hello(*wanted), *chunks(SAID))
        before = await lost_after(stub, count, hello(*wanted), chunks(SAID))
        after = await resumed(stub, resuming(hello(*wanted), before), SAID)
    heard = joined(before, after)
    check(heard)
    for target in wanted:
        assert heard.finals(target.lang) == undisturbed.finals(target.lang)
        assert _said(heard, target.lang) == _said(undisturbed, target.lang)


def _said(heard: Heard, lang: str) -> str:
    return " ".join(chunk.text for chunk in heard.speech(lang) if chunk.text)


@pytest.mark.parametrize("count", [2, 4, 8, 16, 30])
async def test_typed_text_goes_on_in_the_same_numbers(count: int) -> None:
    request = hello("es")
    request.hello.ClearField("input")
    typed = [text("good "), text("morning to "), text("everyone", final=True), text("and a "), text("second", True)]
    async with gateway() as stub:
        undisturbed = await talk(stub, request, *typed)
        before = await lost_after(stub, count, request, typed)
        again = resuming(request, before)
        finals = len(before.transcripts())
        rest = [typed, typed[3:], []][finals]
        after = await talk(stub, again, *rest)
    heard = joined(before, after)
    check(heard)
    assert heard.transcripts() == undisturbed.transcripts()
    assert heard.finals("es") == undisturbed.finals("es")
    assert _said(heard, "es") == _said(undisturbed, "es")


async def test_text_alone_is_acknowledged_so_that_little_has_to_be_told_again() -> None:
    request = hello("es")
    request.hello.ClearField("input")
    async with gateway(resume_keys="a:" + "k" * 32) as stub:
        before = await talk(stub, request, *[text(f"line {number}", final=True) for number in range(5)])
        assert len(before.of("ack")) == 5
        again = resuming(request, before, bare=True)
        after = await talk(stub, again, text("one more", final=True))
    assert [each.segment_id for each in after.of("asr")] == [6]


async def test_a_target_that_was_set_while_the_session_lived_goes_on_when_it_is_set_again() -> None:
    """A client sends its commands again where they stood, behind a hello that is as the session's own was."""
    more = control("set_target_lang", targets=[pb.Target(lang="es"), pb.Target(lang="fr")])
    said = [more, *chunks(SAID)]
    async with gateway(asr=SAME_WORDS) as stub:
        undisturbed = await talk(stub, hello("es"), *said)
        for count in range(20, 120, 10):
            before = await lost_after(stub, count, hello("es"), said)
            call: Any = stub.Stream()
            after = Heard()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(read_into(after, call))
                await call.write(resuming(hello("es"), before))
                await until_open(after)
                for message in [more, *chunks_from(SAID, after.of("ready")[0].resumed_ms)]:
                    await call.write(message)
                await call.done_writing()
            heard = joined(before, after)
            check(heard)
            for lang in ("es", "fr"):
                assert heard.finals(lang) == undisturbed.finals(lang)
                assert _said(heard, lang) == _said(undisturbed, lang)


async def test_what_a_voice_was_saying_is_ended_though_there_is_no_more_to_say() -> None:
    async with gateway(asr=SAME_WORDS) as stub:
        whole = await talk(stub, hello("es"), *chunks(UTTERANCE))
        last = max(index for index, each in enumerate(whole.messages) if each.HasField("tts"))
        before = Heard(whole.messages[: last + 1])
        after = await resumed(stub, resuming(hello("es"), before), UTTERANCE)
    check(joined(before, after))
    assert not after.speech("es")


async def test_the_sessions_clock_goes_on_with_the_clients() -> None:
    async with gateway(asr=SAME_WORDS) as stub:
        before = await lost_after(stub, 10, hello("es"), chunks(SAID))
        request = resuming(hello("es"), before)
        request.hello.received.clock_ms = 3_600_000
        after = await resumed(stub, request, SAID)
    assert all(each.recognized_ms >= 3_600_000 for each in after.of("latency"))
    assert [each.captured_ms < 6_000 for each in after.of("latency")] == [True, True]


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
async def test_the_audio_clock_goes_on_at_any_rate(rate: int) -> None:
    sound = {"input": pb.AudioFormat(format="pcm16le", sample_rate=rate)}
    async with gateway(asr=SAME_WORDS) as stub:
        before = await lost_after(stub, 20, hello("es", **sound), chunks(_at(rate)))
        call: Any = stub.Stream()
        after = Heard()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(after, call))
            await call.write(resuming(hello("es", **sound), before))
            await until_open(after)
            start = after.of("ready")[0].resumed_ms * rate // 1000
            for at in range(start, len(_at(rate)) // 2, rate):
                await call.write(audio(_at(rate)[2 * at : 2 * (at + rate)], offset_samples=at))
            await call.done_writing()
    heard = joined(before, after)
    check(heard)
    assert not [gap for flow in after.of("flow") for gap in flow.gaps]
    ends = [each.end_ms for each in heard.of("asr") if each.final]
    assert [round(end, -2) for end in ends] == [2000, 4000]


def _at(rate: int) -> bytes:
    """The same at another rate."""
    return Resampler(RATE, rate).convert(from_bytes(SAID), last=True).astype("<i2").tobytes()


async def test_a_stream_of_flac_has_no_handles() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es", input=pb.AudioFormat(format="flac", sample_rate=16_000)))
    (ready,) = heard.of("ready")
    assert (ready.resume, ready.limits.resume_ms) == ("", 0)


async def test_ready_tells_how_long_a_handle_is_good_for() -> None:
    async with gateway(resume_ttl_ms=12_345) as stub:
        heard = await talk(stub, hello("es"))
    assert heard.of("ready")[0].limits.resume_ms == 12_345


async def test_a_silent_server_gives_signs_of_life() -> None:
    async with gateway() as stub:
        call: Any = stub.Stream()
        heard = Heard()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            await call.write(hello("es", heartbeat_ms=200))
            await heard.until("flow", 2)
            await call.done_writing()
    assert heard.of("ready")[0].config.heartbeat_ms == 200
    assert not any(flow.held or flow.backlog for flow in heard.of("flow"))


async def test_who_comes_back_ends_the_call_that_still_runs() -> None:
    """Its connection may be dead without anyone having told us; its slot is the client's own."""
    async with gateway(slots=1, asr_slots=1, asr=SAME_WORDS) as stub:
        call: Any = stub.Stream()
        lost = Heard()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(lost, call))
            for message in [hello("es"), *chunks(UTTERANCE)]:
                await call.write(message)
            await lost.until("ack", 1)
            before = Heard([*lost.messages])
            after = await resumed(stub, resuming(hello("es"), before), SAID)
    assert after.fault is None
    assert isinstance(lost.fault, Superseded)
    assert lost.error().code == "SUPERSEDED"
    check(joined(before, after))


async def test_the_reserve_is_for_sessions_that_are_resumed() -> None:
    async with gateway(slots=2, reserved_slots=1, resume_keys="a:" + "k" * 32) as stub:
        before = await talk(stub, hello("es"))
        first: Any = stub.Stream()
        await first.write(hello("es"))
        assert (await first.read()).HasField("ready")
        assert isinstance((await talk(stub, hello("es"))).fault, AtCapacity)
        assert (await talk(stub, resuming(hello("es"), before, bare=True))).fault is None
        first.cancel()


async def test_who_is_refused_together_is_asked_back_at_other_times() -> None:
    async with gateway(slots=1) as stub:
        first: Any = stub.Stream()
        await first.write(hello("es"))
        assert (await first.read()).HasField("ready")
        waits = {(await talk(stub, hello("es"))).error().retry_after_ms for _ in range(8)}
        first.cancel()
    assert len(waits) > 1


async def test_what_is_wrong_with_a_hello_is_told_though_there_is_no_slot() -> None:
    async with gateway(slots=1) as stub:
        first: Any = stub.Stream()
        await first.write(hello("es"))
        assert (await first.read()).HasField("ready")
        heard = await talk(stub, hello("es", resume="nonsense"))
        first.cancel()
    assert heard.error().code == "RESUME_UNREADABLE"


async def test_a_server_that_stops_sends_its_sessions_away_and_lets_nobody_in() -> None:
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        address = await stack.enter_async_context(gateway_address(drain_seconds=30, asr=SAME_WORDS))
        async with grpc.aio.insecure_channel(address) as channel:
            stub: Any = pb_grpc.RealtimeTranslateStub(channel)
            call: Any = stub.Stream()
            heard = Heard()
            tasks.create_task(read_into(heard, call))
            await call.write(hello("es"))
            await heard.until("ready", 1)
            tasks.create_task(_leave(stub, call, heard))
            async with asyncio.timeout(10):  # it need not wait for its time to be over
                await stack.aclose()
    (away,) = heard.of("go_away")
    assert 20_000 < away.time_left_ms <= 30_000
    assert len(heard.transcripts()) == 1


async def _leave(stub: Any, call: Any, heard: Heard) -> None:
    """Goes on speaking to the next acknowledgement, and goes."""
    await heard.until("go_away", 1)
    refused = (await talk(stub, hello("es"))).fault
    assert isinstance(refused, StageFailed)
    assert refused.code == "DRAINING"
    assert refused.retry_after_ms > 0
    for message in chunks(UTTERANCE):
        await call.write(message)
    await heard.until("ack", 1)
    call.cancel()


async def test_a_session_that_stays_is_ended_resumable() -> None:
    keys: dict[str, Any] = {"resume_keys": "a:" + "k" * 32, "asr": SAME_WORDS}
    heard = Heard()
    async with gateway(**keys) as other:
        async with asyncio.TaskGroup() as tasks, gateway_address(drain_seconds=1, **keys) as address:
            channel = grpc.aio.insecure_channel(address)
            call: Any = pb_grpc.RealtimeTranslateStub(channel).Stream()
            tasks.create_task(read_into(heard, call))
            for message in [hello("es"), *chunks(loud(1.5))]:
                await call.write(message)
            await heard.until("asr", 1)
            tasks.create_task(_half_close(call, heard))
        await channel.close()
        assert isinstance(heard.fault, StageFailed)
        assert heard.error().code == heard.fault.code == "GOING_AWAY"
        assert handle(heard) == heard.of("go_away")[0].resume
        before = Heard([each for each in heard.messages if not each.HasField("error")])
        after = await resumed(other, resuming(hello("es"), before), SAID)
    assert after.fault is None
    check(joined(before, after))
    assert len(after.transcripts()) == 2


async def _half_close(call: Any, heard: Heard) -> None:
    await heard.until("error", 1)
    await call.done_writing()
