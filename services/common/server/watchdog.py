"""Detects an engine that makes no progress, by the age of each wait for its answer.

Its clock is the event loop's own work: it is moved on by `passes`, a little at a time, so that a loop that stood still
for a while (or a process that was stopped) does not make an engine look stuck that had no chance to answer. Nor does
time in which a processor was denied to it: on a busy machine an engine is slow, and no more stuck for that.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Never, Self

from services.common.server.rehearsal import Rehearsal
from services.common.server.starving import Denied

LOOK_SECONDS = 0.1
STARVING_SECONDS = 1.0  # of a wait, after which it is looked whether the engine was denied the processor


class Watchdog:
    """The waits for one engine, which is stuck when one of them is older than its patience."""

    def __init__(self, patience_seconds: float = math.inf, rehearsal: Rehearsal | None = None) -> None:
        self.rehearsal = rehearsal or Rehearsal()
        self._patience_seconds = patience_seconds
        self._seconds = 0.0  # its clock
        self._began: dict[Step, float] = {}  # by its clock, the oldest first
        self._works = asyncio.Event()  # while there are any

    def step(self) -> Step:
        """Return a wait for the engine, an async context manager that may be entered repeatedly, one use after
        another.
        """
        return Step(self)

    @property
    def oldest_seconds(self) -> float:
        """Age in seconds of the oldest wait; 0 without any."""
        return self._seconds - next(iter(self._began.values()), self._seconds)

    @property
    def working(self) -> bool:
        """Whether the engine works for somebody."""
        return bool(self._began)

    @property
    def stuck(self) -> bool:
        """Whether the engine has had longer for an answer than its patience allows."""
        return self.oldest_seconds > self._patience_seconds

    async def works(self) -> None:
        """Wait until the engine works for somebody."""
        await self._works.wait()

    def passes(self, seconds: float) -> None:
        """Advance the clock. Of a long stretch only as much counts as a look may be late."""
        self._seconds += min(seconds, 2 * LOOK_SECONDS)

    def begins(self, step: Step) -> None:
        """Record that the engine works for a step."""
        self._began[step] = self._seconds
        self._works.set()

    def rests(self, step: Step) -> None:
        """Record that the engine does not, or no longer, work for a step."""
        self._began.pop(step, None)
        if not self._began:
            self._works.clear()


class Step:
    """One caller's wait for the engine's answer.

    Only the engine's own time counts: what the caller does with an answer before it asks for more is a `pause`.
    """

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        self._open = False
        self._since = 0.0
        self._worked_seconds = 0.0

    async def __aenter__(self) -> Self:
        self._open, self._worked_seconds = True, 0.0
        self._works()
        try:
            if self._watchdog.rehearsal.fault:
                await self._watchdog.rehearsal.begins()
        except BaseException:
            self._ends()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, _: TracebackType | None) -> None:
        try:
            if kind is None and self._watchdog.rehearsal.fault:
                worked = self._worked_seconds + time.monotonic() - self._since
                await self._watchdog.rehearsal.ends(worked)
        finally:
            self._ends()

    def pause(self) -> None:
        """Pause the wait: the engine has answered, and is not asked for more until the wait goes on."""
        self._worked_seconds += time.monotonic() - self._since
        self._watchdog.rests(self)

    def go_on(self) -> None:
        """Go on with a wait that was paused, unless it has ended."""
        if self._open:
            self._works()

    def _works(self) -> None:
        self._since = time.monotonic()
        self._watchdog.begins(self)

    def _ends(self) -> None:
        self._open = False
        self._watchdog.rests(self)


async def watch(watchdog: Watchdog, changed: Callable[[bool], Awaitable[None]]) -> Never:
    """Advance the watchdog's clock, and call `changed` whenever the engine becomes stuck or recovers.

    While the engine is asked nothing there is nothing to look at, and nobody does.
    """
    loop = asyncio.get_running_loop()
    told, looked, denied = False, loop.time(), None
    while True:
        if not told and not watchdog.working:
            await watchdog.works()
            looked = loop.time()
        await asyncio.sleep(LOOK_SECONDS)
        now = loop.time()
        passed, looked = now - looked, now
        if watchdog.oldest_seconds < STARVING_SECONDS:
            denied = None
        elif denied is None:
            denied = Denied()
        else:
            passed = max(0.0, passed - denied.seconds())
        watchdog.passes(passed)
        if watchdog.stuck != told:
            told = not told
            await changed(told)
