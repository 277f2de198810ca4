"""Measures how busy an engine has been: the wait for it, and the share of its capacity in use.

Both are means over the last seconds, so that whoever looks now and then (a gateway, an autoscaler) sees neither a lucky
nor an unlucky moment.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from services.common.telemetry import metrics

WINDOW_SECONDS = 5.0
GRAIN_SECONDS = 0.02  # what happens closer together is kept as one: the window's begin is known so exactly

_WAIT = metrics.histogram("babelmesh.queue.wait")


class Load:
    """The load of one engine: waiting work, and work in hand. Any thread may update and read it.

    What an engine computes apart from the rest (each model, each kind of batch) is a `part`. The engine is as full as
    its fullest part: to those who ask that part it is of no use that another is idle.
    """

    def __init__(self, stage: str, most: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without load; `most` is how many pieces of work the engine can have in hand: places of batches, or
        processes.
        """
        if most < 1:
            raise ValueError(f"an engine has at least one piece of work in hand, not {most}")
        self._of = {"stage": stage}
        self._most = most
        self._clock = clock
        self._parts: list[Load] = []
        self._waiting: dict[Hashable, float] = {}  # since when
        self._past = _Past(clock())
        self._lock = threading.Lock()  # of all that changes; held for about a microsecond

    def part(self, most: int) -> Load:
        """Return a new part of the engine's load, whose work need not wait for that of others."""
        part = Load(self._of["stage"], most, self._clock)
        self._parts.append(part)
        return part

    def adopt(self, part: Load) -> None:
        """Count the load of another engine of the stage as a part of this one."""
        self._parts.append(part)

    @property
    def most(self) -> int:
        """How many pieces of work the engine, or its largest part, can have in hand at once."""
        return max([self._most, *(part.most for part in self._parts)])

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count a piece of work as waiting for the engine, for as long as the block lasts."""
        piece = object()
        self.enter(piece)
        try:
            yield
        finally:
            self.leave(piece)

    def enter(self, piece: Hashable) -> None:
        """Count a piece of work as waiting from now on, until `leave`."""
        since = self._clock()
        with self._lock:
            self._waiting[piece] = since

    def leave(self, *pieces: Hashable) -> None:
        """Count pieces of work as waiting no more, begun or given up; pieces that did not wait are ignored."""
        with self._lock:
            now = self._clock()
            since = [self._waiting.pop(piece, None) for piece in pieces]
            waits = [now - each for each in since if each is not None]
            if waits:
                self._past.pass_to(now, waits=waits)
        for seconds in waits:
            _WAIT.record(seconds, self._of)

    def waited(self, seconds: float) -> None:
        """Record a wait of so many seconds that has just ended."""
        with self._lock:
            self._past.pass_to(self._clock(), waits=(seconds,))
        _WAIT.record(seconds, self._of)

    @contextmanager
    def working(self, count: int = 1) -> Iterator[None]:
        """Count so many pieces as in hand, for as long as the block lasts."""
        self.work(count)
        try:
            yield
        finally:
            self.work(-count)

    def work(self, more: int) -> None:
        """Count so many more pieces as in hand; fewer, if negative."""
        with self._lock:
            self._past.pass_to(self._clock(), more=more)

    @property
    def queue_seconds(self) -> float:
        """Mean wait in seconds of work that began in the last seconds, and of work that waits now."""
        waits = [load._waits() for load in (self, *self._parts)]
        count = sum(each for each, _ in waits)
        return sum(seconds for _, seconds in waits) / count if count else 0.0

    @property
    def fill(self) -> float:
        """Mean share of `most` that was in hand over the last seconds, 0 to 1; before this load existed, nothing
        was.
        """
        with self._lock:
            own = self._past.window(self._clock()).work / (WINDOW_SECONDS * self._most)
        return max([own, *(part.fill for part in self._parts)])

    def _waits(self) -> tuple[int, float]:
        """Return the number of waits in the window, those under way included, and the sum of their seconds."""
        with self._lock:
            now = self._clock()
            ended = self._past.window(now)
            seconds = ended.waited + sum(now - since for since in self._waiting.values())
            return ended.waits + len(self._waiting), seconds


class _Sums(NamedTuple):
    """Sums of work and waits from the beginning until an instant."""

    at: float
    work: float = 0.0  # seconds, of each piece
    waits: int = 0
    waited: float = 0.0  # seconds


class _Past:
    """Sums at the instants when they changed, as far back as the window reaches. Pure.

    Between two instants that are kept, work is taken to have been even. That is exact unless there was a change
    between them that is not kept; then they are less than a grain apart.
    """

    def __init__(self, now: float) -> None:
        self._kept = deque([_Sums(now)])  # the first is the last before the window, or the beginning
        self._working = 0

    def pass_to(self, now: float, more: int = 0, waits: Sequence[float] = ()) -> None:
        """Move on to `now`, adding waits that ended, and `more` work in hand (fewer, if negative)."""
        kept = self._kept
        at, work, count, waited = kept[-1]
        sums = _Sums(now, work + self._working * (now - at), count + len(waits), waited + sum(waits))
        if len(kept) > 1 and now - kept[-2].at < GRAIN_SECONDS:
            kept[-1] = sums
        else:
            kept.append(sums)
            self._forget(now)
        self._working += more

    def window(self, now: float) -> _Sums:
        """Return what the window that ends now adds to the sums."""
        self._forget(now)
        total, first = self._sums(now), self._kept[0]
        before = first.work
        if (begins := now - WINDOW_SECONDS) > first.at:
            after = self._kept[1] if len(self._kept) > 1 else total
            before += (after.work - first.work) * (begins - first.at) / (after.at - first.at)
        return _Sums(now, total.work - before, total.waits - first.waits, total.waited - first.waited)

    def _sums(self, now: float) -> _Sums:
        at, work, count, waited = self._kept[-1]
        return _Sums(now, work + self._working * (now - at), count, waited)

    def _forget(self, now: float) -> None:
        while len(self._kept) > 1 and self._kept[1].at <= now - WINDOW_SECONDS:
            self._kept.popleft()
