"""A call whose work holds the event loop is ended by another thread; nobody else is."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import pytest

from services.common.errors import TooSlow
from services.common.server import endings
from services.common.server.endings import Limits, on_standstill
from services.common.server.holding import WORK_TOO_LONG, attributed, attributing

HELD = Limits(stalled_seconds=20, held_seconds=0.2)


def _work_for_ever() -> None:
    while True:
        pass


async def _call(ended: asyncio.Event) -> None:
    """A call that works in a task of its own, beside another one."""
    with attributed("/a.Service/Method"):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_waits(ended))
            await asyncio.sleep(0)
            tasks.create_task(asyncio.to_thread(lambda: None))
            tasks.create_task(_holds())


async def _holds() -> None:
    try:
        _work_for_ever()
    except Exception:  # what catches faults does not catch it
        raise AssertionError("it was taken for a fault") from None


async def _waits(ended: asyncio.Event) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()


async def test_the_call_that_holds_the_loop_is_ended_whole_and_another_goes_on() -> None:
    ended, others = asyncio.Event(), asyncio.Event()
    with on_standstill(asyncio.get_running_loop(), HELD):
        async with asyncio.TaskGroup() as tasks:
            beside = tasks.create_task(_another(others))
            with pytest.raises(TooSlow) as refused:
                await _call(ended)
            assert ended.is_set(), "what the call had begun is over"
            assert not beside.done()
            others.set()
    assert refused.value.code == WORK_TOO_LONG
    assert not refused.value.retry_after_ms, "nobody is asked to send it again"


async def test_a_call_is_ended_by_what_it_worked_also_where_others_take_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    denied = itertools.count(1.0, 10.0)  # seconds more at each look
    monkeypatch.setattr(endings, "waited", lambda _: next(denied))
    with on_standstill(asyncio.get_running_loop(), HELD), pytest.raises(TooSlow):
        await _call(asyncio.Event())


async def _another(go_on: asyncio.Event) -> None:
    with attributed("/a.Service/Method"):
        await go_on.wait()


async def test_a_loop_that_no_call_holds_ends_none() -> None:
    with on_standstill(asyncio.get_running_loop(), Limits(stalled_seconds=20, held_seconds=0.1)):
        async with asyncio.TaskGroup() as tasks:
            go_on = asyncio.Event()
            beside = tasks.create_task(_another(go_on))
            await asyncio.sleep(0)
            time.sleep(0.5)  # noqa: ASYNC251 - the loop is to stand still
            await asyncio.sleep(0.05)
            assert not beside.done()
            go_on.set()


async def test_what_a_loop_says_of_a_new_task_is_handed_on() -> None:
    # Loops say more of it from Python 3.13 on; a name they could always say.
    loop = asyncio.get_running_loop()
    with attributing(loop):
        make: Any = loop.get_task_factory()
        task = make(loop, asyncio.sleep(0), name="named")
    assert task.get_name() == "named"
    await task
