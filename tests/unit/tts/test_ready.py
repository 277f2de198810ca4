"""Speech between who makes it and who sends it."""

from __future__ import annotations

import asyncio

import pytest

from services.common.cancelling import TaskGroup
from services.tts.ready import Ready


async def sent(ready: Ready) -> list[bytes]:
    return [pcm async for pcm in ready]


async def test_the_first_piece_leaves_at_once_and_what_was_made_meanwhile_together() -> None:
    ready = Ready(room_samples=8)
    async with TaskGroup() as tasks:
        sending = tasks.create_task(sent(ready))
        await asyncio.sleep(0)
        for piece in (b"aa", b"bb", b"cc", b"dd"):
            await ready.put(piece)
        ready.close()
    assert sending.result() == [b"aa", b"bbccdd"]


async def test_no_message_is_larger_than_the_room_but_a_piece_that_is() -> None:
    ready = Ready(room_samples=2)
    async with TaskGroup() as tasks:
        sending = tasks.create_task(sent(ready))
        for piece in (b"aa", b"bb", b"cc", b"dd", b"eeeeee"):
            await ready.put(piece)
        ready.close()
    assert b"".join(sending.result()) == b"aabbccddeeeeee"
    assert sending.result()[-1] == b"eeeeee"
    assert max(map(len, sending.result()[:-1])) <= 4


async def test_who_makes_speech_waits_for_one_who_does_not_send_it() -> None:
    ready = Ready(room_samples=2)
    await ready.put(b"aaaa")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await ready.put(b"bb")


async def test_an_engine_at_work_is_told_with_nothing() -> None:
    ready = Ready(room_samples=2)
    await ready.put(b"")
    assert await anext(ready) == b""
