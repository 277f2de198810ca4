"""Waiting for a change of something, among the tasks of one loop."""

from __future__ import annotations

import asyncio

import pytest

from services.common.cancelling import TaskGroup
from services.common.channel import Changes


async def test_all_that_wait_are_woken_by_one_change() -> None:
    changes = Changes()
    async with TaskGroup() as tasks:
        waiting = [tasks.create_task(changes.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        changes.tell()
    assert all(each.done() for each in waiting)


async def test_a_change_that_was_told_before_wakes_nobody() -> None:
    changes = Changes()
    changes.tell()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await changes.wait()


async def test_a_wait_ends_when_its_time_is_over() -> None:
    async with asyncio.timeout(60):
        await Changes().wait(0.001)


async def test_one_that_was_cancelled_does_not_hold_up_the_others() -> None:
    changes = Changes()
    async with TaskGroup() as tasks:
        first, second = tasks.create_task(changes.wait()), tasks.create_task(changes.wait())
        await asyncio.sleep(0)
        first.cancel()
        changes.tell()
        await second
    assert first.cancelled()
