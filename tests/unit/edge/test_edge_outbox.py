"""What waits for a slow reader: text whole, interim results the newest, speech by the clause."""

from __future__ import annotations

import asyncio

import pytest

from services.edge.realtime.outbox import Outbox
from services.edge.realtime.outputs import Out


def text(number: int, final: bool = True, size: int = 10) -> Out:
    kind = "final_asr" if final else "partial_asr"
    return Out({"type": kind, "segment_id": number, "text": "x" * size}, None if final else ("asr", number, ""))


def clause(name: str, chunks: int, milliseconds: float = 100.0, lang: str = "es") -> list[Out]:
    outs = []
    for index in range(chunks):
        event: dict[str, object] = {"type": "tts_audio", "text": name} if index == 0 else {"type": "tts_audio"}
        out = Out(event, None, lang, b"\0" * 10, False, index == 0, index == chunks - 1)
        out.milliseconds = milliseconds
        outs.append(out)
    return outs


async def waiting(outbox: Outbox) -> list[object]:
    outbox.close()
    found = []
    while out := await outbox.take():
        found.append(out.event.get("text", out.event["type"]))
    return found


async def test_an_interim_result_gives_way_to_the_next_and_a_final_to_none() -> None:
    outbox = Outbox(100_000, 1000)
    for out in (text(1, False, 1), text(1, False, 2), text(2, False, 3), text(1, True, 4)):
        await outbox.put(out)
    assert await waiting(outbox) == ["xx", "xxx", "xxxx"]


async def test_speech_that_waits_for_too_long_is_left_out_by_the_clause_and_named() -> None:
    outbox = Outbox(100_000, 1000)
    for name in ("a", "b", "c", "d"):
        for out in clause(name, 4):
            await outbox.put(out)
    await outbox.put(text(9))
    found = await waiting(outbox)
    assert found == [
        "a",
        "b",
        "c",
        "tts_audio",
        "tts_audio",
        "tts_audio",
        "d",
        "tts_audio",
        "tts_audio",
        "tts_audio",
        "x" * 10,
    ]


async def test_the_rest_of_a_clause_that_was_left_out_never_comes() -> None:
    outbox = Outbox(100_000, 500)
    long = clause("long", 9)
    for out in long[:7]:
        await outbox.put(out)
    for out in clause("other", 2):
        await outbox.put(out)
    for out in long[7:]:
        await outbox.put(out)
    assert (await waiting(outbox))[:2] == ["long", "other"]


async def test_a_clause_that_began_to_be_sent_is_sent_to_its_end() -> None:
    outbox = Outbox(100_000, 300)
    for out in clause("a", 5):
        await outbox.put(out)
    first = await outbox.take()
    assert first
    assert first.event["text"] == "a"
    for out in clause("b", 1):
        await outbox.put(out)
    assert await waiting(outbox) == ["tts_audio"] * 4 + ["b"]


async def test_speech_far_ahead_of_what_was_played_waits_and_text_does_not() -> None:
    outbox = Outbox(100_000, 60_000, 1000)
    outbox.played("es", 500)
    for offset, out in zip((0, 1000, 2000), clause("a", 3), strict=True):
        out.event["offset_ms"] = offset
        await outbox.put(out)
    await outbox.put(Out({"type": "voice_ended", "target_lang": "es"}))
    await outbox.put(text(1))
    first, second, third = [await outbox.take() for _ in range(3)]
    assert first
    assert second
    assert third
    assert [first.event["offset_ms"], second.event["offset_ms"], third.event["type"]] == [0, 1000, "final_asr"]
    outbox.played("es", 1100)
    fourth = await outbox.take()
    assert fourth
    assert fourth.event["offset_ms"] == 2000
    assert await waiting(outbox) == ["voice_ended"]


async def test_speech_of_a_recording_waits_instead() -> None:
    outbox = Outbox(100_000, 100, live=False)
    for name in ("a", "b", "c"):
        for out in clause(name, 3):
            await outbox.put(out)
    assert len(await waiting(outbox)) == 9


async def test_who_puts_more_than_there_is_room_for_waits_for_the_reader() -> None:
    outbox = Outbox(1000, 1000)
    async with asyncio.TaskGroup() as tasks:
        putting = tasks.create_task(_put_all(outbox, 10))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not putting.done()
        for _ in range(10):
            await outbox.take()


async def _put_all(outbox: Outbox, count: int) -> None:
    for number in range(count):
        await outbox.put(text(number))


@pytest.mark.parametrize("size", [1, 1000])
async def test_an_outbox_that_is_closed_takes_nothing_and_lets_nobody_wait(size: int) -> None:
    outbox = Outbox(1, 1000)
    await outbox.put(text(1, size=size))
    outbox.close()
    await outbox.put(text(2))
    outbox.push({"type": "heartbeat"})
    assert len(await waiting(outbox)) == 1
