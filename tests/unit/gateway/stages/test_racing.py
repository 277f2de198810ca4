"""Attempts that are left: their replica is gone, or their time is over."""

from __future__ import annotations

import asyncio

import pytest

from services.common.cancelling import TaskGroup
from services.gateway.stages.calls import Abandoned, Attempt, Limit, Signal


async def test_an_attempt_whose_replica_is_gone_is_not_begun() -> None:
    gone = Signal()
    gone.set()
    with pytest.raises(Abandoned), Attempt(gone):
        raise AssertionError("it was begun")


async def test_an_attempt_is_abandoned_when_its_replica_is_lost_meanwhile() -> None:
    gone, begun = Signal(), asyncio.Event()

    async def attempt() -> None:
        asyncio.get_running_loop().call_soon(begun.set)
        with pytest.raises(Abandoned), Attempt(gone), Attempt(gone):
            await asyncio.Event().wait()
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()

    async with TaskGroup() as tasks:
        tasks.create_task(attempt())
        await begun.wait()
        gone.set()


async def test_a_call_that_grpc_cancels_is_abandoned() -> None:
    call: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    call.cancel()
    with pytest.raises(Abandoned), Attempt(Signal()):
        await call


async def test_an_attempt_ends_when_its_time_is_over_and_another_could_do_the_work() -> None:
    with pytest.raises(TimeoutError), Attempt(Signal(), Limit(0.01, lambda: False, 10.0)):
        await asyncio.Event().wait()


async def test_an_attempt_that_nobody_else_could_make_takes_as_long_as_it_may_at_most() -> None:
    looks: list[None] = []

    def alone() -> bool:
        looks.append(None)
        return True

    with pytest.raises(TimeoutError), Attempt(Signal(), Limit(0.01, alone, 0.05)):
        await asyncio.Event().wait()
    assert len(looks) > 2


async def test_whoever_is_cancelled_just_as_the_work_fails_is_cancelled_and_does_not_try_again() -> None:
    async def attempt() -> str:
        try:
            with Attempt(Signal()):
                await asyncio.sleep(0)
                trying.cancel()
                raise TimeoutError
        except TimeoutError:
            return "would try again"
        return "done"

    async with TaskGroup() as tasks:
        trying = tasks.create_task(attempt())
    assert trying.cancelled()


async def test_whoever_is_cancelled_as_the_replica_is_lost_is_cancelled() -> None:
    gone, begun = Signal(), asyncio.Event()

    async def attempt() -> None:
        with Attempt(gone):
            begun.set()
            await asyncio.Event().wait()

    async with TaskGroup() as tasks:
        trying = tasks.create_task(attempt())
        await begun.wait()
        trying.cancel()
        gone.set()
    assert trying.cancelled()
