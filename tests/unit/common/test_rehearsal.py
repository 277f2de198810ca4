"""Faults of an engine, as a step of it meets them. Those of the process need a process: tests/mesh/test_endings.py."""

from __future__ import annotations

import asyncio

import pytest

from services.common.errors import StageFailed
from services.common.server.rehearsal import Fault, Kind, Rehearsal
from services.common.server.watchdog import Watchdog
from tests.unit.common.instant import at_once


def rehearsed(fault: Fault) -> Watchdog:
    watchdog = Watchdog(1.0, Rehearsal())
    watchdog.rehearsal.arm(fault)
    return watchdog


async def step(watchdog: Watchdog, seconds: float = 0.0) -> float:
    """Has the engine work for so long; how long that took."""
    began = asyncio.get_running_loop().time()
    async with watchdog.step():
        await asyncio.sleep(seconds)
    return asyncio.get_running_loop().time() - began


async def test_the_next_call_fails_and_the_one_after_succeeds() -> None:
    watchdog = rehearsed(Fault(Kind.FAIL_NEXT))
    with pytest.raises(StageFailed, match="as it was told to"):
        await step(watchdog)
    await step(watchdog)


async def test_so_many_calls_succeed_first() -> None:
    watchdog = rehearsed(Fault(Kind.FAIL_NEXT, after_calls=3))
    for _ in range(3):
        await step(watchdog)
    with pytest.raises(StageFailed):
        await step(watchdog)


@at_once
async def test_nothing_fails_before_its_time() -> None:
    watchdog = rehearsed(Fault(Kind.FAIL_NEXT, after_ms=100))
    await step(watchdog, 0.15)
    with pytest.raises(StageFailed):
        await step(watchdog)


@at_once
async def test_an_engine_that_hangs_answers_nothing_until_it_is_over_and_is_seen_to() -> None:
    watchdog = rehearsed(Fault(Kind.HANG, duration_ms=200))
    async with asyncio.TaskGroup() as tasks:
        hanging = [tasks.create_task(step(watchdog)) for _ in range(2)]
        await asyncio.sleep(0)
        for _ in range(11):
            watchdog.passes(0.1)
        assert watchdog.stuck
        assert not any(each.done() for each in hanging)
    assert min(each.result() for each in hanging) >= 0.19
    assert not watchdog.stuck
    assert await step(watchdog) < 0.19


async def test_a_slow_engine_takes_so_many_times_as_long() -> None:
    watchdog = rehearsed(Fault(Kind.SLOW, factor=5.0))
    assert await step(watchdog, 0.05) >= 0.24


@at_once
async def test_a_new_fault_takes_the_place_of_the_one_before() -> None:
    watchdog = rehearsed(Fault(Kind.SLOW, factor=100.0))
    await step(watchdog)
    watchdog.rehearsal.arm(Fault(Kind.FAIL_NEXT, after_calls=1))
    assert await step(watchdog, 0.02) < 1.0
    watchdog.rehearsal.arm(Fault(Kind.HANG, after_ms=600_000))
    await step(watchdog)
    watchdog.rehearsal.arm(Fault(Kind.HANG, after_calls=9))
