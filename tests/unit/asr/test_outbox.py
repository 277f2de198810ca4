from __future__ import annotations

import asyncio

import pytest

from services.asr.outbox import Outbox


async def test_the_latest_of_a_topic_takes_the_place_of_those_that_wait() -> None:
    outbox: Outbox[str] = Outbox(4)
    for number in range(100):
        await outbox.put(f"interim {number}", topic=1)
        await outbox.put(f"progress {number}", topic="progress")
    await outbox.put("final")
    await outbox.close()
    assert [message async for message in outbox] == ["interim 99", "progress 99", "final"]


async def test_what_has_no_topic_is_never_dropped_and_waits_for_room() -> None:
    outbox: Outbox[int] = Outbox(2)
    await outbox.put(1)
    await outbox.put(2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(outbox.put(3), 0.01)
    assert await anext(outbox) == 1
    await outbox.put(3)
    await outbox.close()
    assert [message async for message in outbox] == [2, 3]


async def test_a_message_of_another_topic_stays_in_its_place() -> None:
    outbox: Outbox[str] = Outbox(4)
    await outbox.put("interim of 1", topic=1)
    await outbox.put("final of 1")
    await outbox.put("interim of 2", topic=2)
    await outbox.close()
    assert [message async for message in outbox] == ["interim of 1", "final of 1", "interim of 2"]
