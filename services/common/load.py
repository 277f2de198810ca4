"""How busy an engine has been of late: what waits for it, and how much of what it can do at once is in use.

Both are means over the last seconds, so that whoever looks now and then (a gateway, an autoscaler) sees neither a lucky
nor an unlucky moment.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.common import metrics

WINDOW_SECONDS = 5.0

_WAIT = metrics.histogram("babelmesh.queue.wait")


class Load:
    """Of one engine. For one thread, but that anyone may read it.

    `most` is how many pieces of work it can have in hand at once: the places of its batches, or processes.
    """

    def __init__(self, stage: str, most: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._of = {"stage": stage}
        self._clock = clock
        self._waits: deque[tuple[float, float]] = deque()  # when one ended, and seconds
        self._waiting: dict[object, float] = {}  # since when
        self._working = 0
        self._integrals: deque[tuple[float, float]] = deque()  # of `_working` over time, at past instants
        self._now, self._integral = clock(), 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A piece of work waits for the engine, for as long as the block lasts."""
        key, since = object(), self._clock()
        self._waiting[key] = since
        try:
            yield
        finally:
            del self._waiting[key]
            self.waited(self._clock() - since)

    def waited(self, seconds: float) -> None:
        """A piece of work has waited for so long, and waits no more."""
        self._waits.append((self._clock(), seconds))
        _WAIT.record(seconds, self._of)
        self._forget()

    @contextmanager
    def working(self, count: int = 1) -> Iterator[None]:
        """So many pieces are in work, for as long as the block lasts."""
        self.work(count)
        try:
            yield
        finally:
            self.work(-count)

    def work(self, more: int) -> None:
        """So many more pieces are in work; fewer, if negative."""
        self._pass()
        self._working += more

    @property
    def queue_seconds(self) -> float:
        """Mean wait of what began in the last seconds, and of what waits now."""
        now = self._clock()
        ended = [seconds for when, seconds in list(self._waits) if when > now - WINDOW_SECONDS]
        waits = ended + [now - since for since in list(self._waiting.values())]
        return sum(waits) / len(waits) if waits else 0.0

    @property
    def fill(self) -> float:
        """Mean share of `most` that was in work over the last seconds."""
        now = self._clock()
        total = self._integral + self._working * (now - self._now)
        since, before = next(
            ((when, then) for when, then in list(self._integrals) if when > now - WINDOW_SECONDS),
            (self._now, self._integral),
        )
        seconds = max(now - since, WINDOW_SECONDS)
        return (total - before) / (seconds * self.most)

    def _pass(self) -> None:
        now = self._clock()
        self._integral += self._working * (now - self._now)
        self._now = now
        if not self._integrals or now - self._integrals[-1][0] >= WINDOW_SECONDS / 50:
            self._integrals.append((now, self._integral))
        self._forget()

    def _forget(self) -> None:
        now = self._clock()
        while self._waits and self._waits[0][0] <= now - WINDOW_SECONDS:
            self._waits.popleft()
        while len(self._integrals) > 1 and self._integrals[1][0] <= now - WINDOW_SECONDS:
            self._integrals.popleft()
