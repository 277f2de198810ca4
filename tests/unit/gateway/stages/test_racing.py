"""Work that is given up when its replica is gone."""

from __future__ import annotations

import asyncio

import pytest

from services.gateway.stages.calls import Abandoned, unless


async def test_work_whose_replica_is_gone_is_abandoned() -> None:
    gone = asyncio.Event()
    gone.set()
    with pytest.raises(Abandoned):
        await unless(gone, asyncio.Event().wait)


async def test_whoever_is_cancelled_just_as_the_work_fails_is_cancelled_and_does_not_try_again() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        trying.cancel()
        raise TimeoutError

    async def attempt() -> str:
        try:
            await unless(asyncio.Event(), fail)
        except TimeoutError:
            return "would try again"
        return "done"

    async with asyncio.TaskGroup() as tasks:
        trying = tasks.create_task(attempt())
    assert trying.cancelled()
