"""Decides who may use a pair's pipelines next: finals go before interim text."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.common.engines.load import Load


class Turns:
    """A fixed number of turns, given to finals first, and among equals to the longest waiting."""

    def __init__(self, total: int, load: Load) -> None:
        self._free = total
        self._load = load
        self._finals: deque[asyncio.Future[None]] = deque()
        self._interims: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def taken(self, final: bool) -> AsyncIterator[None]:
        """Hold a turn for the block, and wait for it while all are taken."""
        if self._free:
            self._free -= 1
        else:
            with self._load.waiting():
                await self._wait(self._finals if final else self._interims)
        try:
            with self._load.working():
                yield
        finally:
            self._pass_on()

    async def _wait(self, line: deque[asyncio.Future[None]]) -> None:
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given in the moment of the cancellation
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        for line in (self._finals, self._interims):
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
