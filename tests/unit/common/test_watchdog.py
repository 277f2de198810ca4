from __future__ import annotations

import asyncio

import pytest

from services.common.server import watchdog as module
from services.common.server.watchdog import Watchdog, watch


def passing(watchdog: Watchdog, seconds: float) -> None:
    for _ in range(round(seconds / 0.1)):
        watchdog.passes(0.1)


async def test_an_engine_that_does_not_answer_is_stuck_until_it_does() -> None:
    watchdog = Watchdog(patience_seconds=1.0)
    async with watchdog.step():
        passing(watchdog, 0.9)
        assert not watchdog.stuck
        passing(watchdog, 0.3)
        assert watchdog.stuck
    assert not watchdog.stuck


async def test_the_oldest_wait_counts_however_many_come_and_go_beside_it() -> None:
    watchdog = Watchdog(patience_seconds=1.0)
    async with watchdog.step():
        for _ in range(12):
            async with watchdog.step():
                passing(watchdog, 0.1)
        assert watchdog.stuck


async def test_an_engine_nobody_asks_is_not_stuck() -> None:
    watchdog = Watchdog(patience_seconds=1.0)
    async with watchdog.step():
        pass
    passing(watchdog, 60)
    assert not watchdog.stuck


async def test_what_the_caller_does_with_an_answer_is_not_the_engines_time() -> None:
    watchdog = Watchdog(patience_seconds=1.0)
    async with watchdog.step() as step:
        passing(watchdog, 0.8)
        step.pause()
        passing(watchdog, 60)
        assert not watchdog.stuck
        step.go_on()
        passing(watchdog, 0.8)
        assert not watchdog.stuck
        passing(watchdog, 0.4)
        assert watchdog.stuck


async def test_a_loop_that_stood_still_does_not_make_the_engine_look_stuck() -> None:
    watchdog = Watchdog(patience_seconds=1.0)
    async with watchdog.step():
        watchdog.passes(3600)
        assert not watchdog.stuck


@pytest.mark.parametrize("error", [KeyError, asyncio.CancelledError])
async def test_a_wait_that_was_given_up_is_no_wait(error: type[BaseException]) -> None:
    watchdog = Watchdog(patience_seconds=1.0)
    with pytest.raises(error):
        async with watchdog.step():
            raise error
    passing(watchdog, 60)
    assert not watchdog.stuck


async def test_a_pause_outside_of_a_wait_begins_none() -> None:
    watchdog = Watchdog(patience_seconds=1.0)
    step = watchdog.step()
    async with step:
        pass
    step.pause()
    step.go_on()
    passing(watchdog, 60)
    assert not watchdog.stuck


class Counting(Watchdog):
    """Counts how often it is looked at."""

    looks = 0

    def passes(self, seconds: float) -> None:
        self.looks += 1
        super().passes(seconds)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_nobody_looks_at_an_engine_that_is_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0)
    watchdog = Counting(patience_seconds=1.0)

    async def changed(stuck: bool) -> None:
        raise AssertionError(stuck)

    watching = asyncio.create_task(watch(watchdog, changed))
    await turns(20)
    assert watchdog.looks == 0
    async with watchdog.step():
        await turns(20)
        assert watchdog.looks >= 10
    await turns(2)
    looks = watchdog.looks
    await turns(20)
    assert watchdog.looks == looks
    watching.cancel()
