"""Sessions of every kind go on; those that run are told to, or made to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import from_bytes
from services.common.audio.resampling import Resampler
from tests.mesh.checks import check
from tests.mesh.mesh import (
    RATE,
    UTTERANCE,
    Heard,
    audio,
    chunks,
    control,
    gateway,
    hello,
    loud,
    quiet,
    read_into,
    talk,
    text,
)
from tests.mesh.resuming import chunks_from, joined, lost_after, resumed, resuming, until_open

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


async def test_speech_that_came_without_any_text_is_gone_on_with() -> None:
    """A client that wants no interim results hears a segment before it reads it."""
    said, rest = chunks(loud(4)), chunks(loud(4) + quiet(1))
    async with gateway(asr=SAME_WORDS) as stub:
        undisturbed = await talk(stub, hello("es", partial_results=False), *rest)
        call: Any = stub.Stream()
        before = Heard()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(before, call))
            for message in [hello("es", partial_results=False), *said]:
                await call.write(message)
            await before.until("tts", 3)
            call.cancel()
        assert not before.of("asr")
        after = await talk(stub, resuming(hello("es", partial_results=False), before), *rest)
    heard = joined(before, after)
    check(heard)
    assert heard.transcripts() == undisturbed.transcripts()
    assert heard.finals("es") == undisturbed.finals("es")
    assert _said(heard, "es") == _said(undisturbed, "es")


async def test_speech_and_typed_text_that_are_both_open_go_on_under_their_numbers() -> None:
    async with gateway(asr=SAME_WORDS) as stub:
        first: Any = stub.Stream()
        before = Heard()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(before, first))
            for message in [hello("es"), *chunks(loud(1.5))]:
                await first.write(message)
            await before.until("asr", 1)
            await first.write(text("typed beside "))
            while {each.segment_id for each in before.of("asr")} != {1, 2}:
                before.more.clear()
                await before.more.wait()
            first.cancel()
        call: Any = stub.Stream()
        after = Heard()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(after, call))
            await call.write(resuming(hello("es"), before))
            await until_open(after)
            for message in [text("typed beside it"), *chunks_from(UTTERANCE, 0), control("ping")]:
                await call.write(message)
            await after.until("marker", 1)
            await call.write(text("", final=True))
            await call.done_writing()
    heard = joined(before, after)
    assert heard.transcripts() == ["Word word word word word word.", "typed beside it"]
    assert [each.segment_id for each in heard.of("asr") if each.final] == [1, 2]
    for number in (1, 2):
        revisions = [each.revision for each in heard.of("asr") if each.segment_id == number]
        assert revisions == sorted(set(revisions))
    assert len(heard.finals("es")) == 2


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
                for message in [more, *chunks_from(SAID, after.of("ready")[0].resume_offset_ms)]:
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
        request.hello.received.clock_ms = 50_000
        after = await resumed(stub, request, SAID)
    assert all(each.recognized_ms >= 50_000 for each in after.of("latency"))
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
            start = after.of("ready")[0].resume_offset_ms * rate // 1000
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
    assert (ready.resume_handle, ready.limits.resume_handle_ms) == ("", 0)


async def test_ready_tells_how_long_a_handle_is_good_for() -> None:
    async with gateway(resume_ttl_ms=12_345) as stub:
        heard = await talk(stub, hello("es"))
    assert heard.of("ready")[0].limits.resume_handle_ms == 12_345


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
