"""Finals go before interim text."""

from __future__ import annotations

import asyncio

from services.common.engines.load import Load
from services.mt.engines.embedded.turns import Turns


async def test_a_final_overtakes_waiting_interims() -> None:
    turns, order = Turns(1, Load("mt")), []

    async def call(name: str, final: bool) -> None:
        async with turns.taken(final):
            order.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for name, final in (("first", False), ("interim", False), ("final", True), ("later interim", False)):
            tasks.create_task(call(name, final))
    assert order == ["first", "final", "interim", "later interim"]


async def test_a_cancelled_wait_loses_no_turn() -> None:
    turns = Turns(1, Load("mt"))

    async def call() -> None:
        async with turns.taken(final=True):
            pass

    for cancel_after_the_turn_was_given in (False, True):
        async with asyncio.TaskGroup() as tasks:
            async with turns.taken(final=True):
                waiting = tasks.create_task(call())
                await asyncio.sleep(0)
                if not cancel_after_the_turn_was_given:
                    waiting.cancel()
                    await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.wait_for(call(), 60)
