"""Cancellations that come together with a failure: what a task makes of both."""

from __future__ import annotations

import asyncio

import pytest

from services.common.cancelling import TaskGroup, heed_cancellation, uninterrupted


async def fail() -> None:
    await asyncio.sleep(0)
    raise ValueError


async def fail_when_cancelled() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        raise ValueError


async def outlive_failures(times: int) -> int:
    """Goes on after each failure, as whoever tries again does."""
    for _ in range(times):
        try:
            async with TaskGroup() as tasks:
                tasks.create_task(fail())
        except ExceptionGroup:
            heed_cancellation()
    return times


async def test_a_task_that_nobody_cancelled_goes_on_after_each_failure() -> None:
    assert await outlive_failures(3) == 3


async def test_a_task_whose_group_fails_inside_the_block_goes_on_as_well() -> None:
    async def fail_inside() -> None:
        async with TaskGroup() as tasks:
            tasks.create_task(fail())
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup):
        await fail_inside()
    heed_cancellation()


async def test_a_cancellation_is_heeded_though_a_failure_came_in_its_place() -> None:
    started, survived = asyncio.Event(), False

    async def work() -> None:
        nonlocal survived
        await outlive_failures(1)
        try:
            async with TaskGroup() as tasks:
                tasks.create_task(fail_when_cancelled())
                started.set()
        except ExceptionGroup:
            heed_cancellation()
        survived = True

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work())
        await started.wait()
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    assert not survived


async def _cancel_again_and_again(task: asyncio.Task[None], times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)
        task.cancel()


async def test_work_that_must_be_done_is_done_before_its_task_is_cancelled_however_often() -> None:
    done: list[str] = []

    async def work() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        done.append("work")

    async def owner() -> None:
        try:
            await uninterrupted(work())
        finally:
            done.append("owner")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(owner())
        await _cancel_again_and_again(task, times=5)
    assert task.cancelled()
    assert done == ["work", "owner"]


async def test_work_that_must_be_done_tells_its_result_and_its_error() -> None:
    async def result() -> int:
        await asyncio.sleep(0)
        return 7

    async def lose() -> None:
        raise KeyError("lost")

    assert await uninterrupted(result()) == 7
    with pytest.raises(KeyError, match="lost"):
        await uninterrupted(lose())
