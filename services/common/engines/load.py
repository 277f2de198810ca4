"""How busy an engine has been of late: what waits for it, and how much of what it can do at once is in use.

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
    """Of one engine. Any thread may tell it, and read it.

    What an engine computes apart from the rest (each model, each kind of batch) is a `part`. The engine is as full as
    its fullest part: to those who ask that part it is of no use that another is idle.
    """

    def __init__(self, stage: str, most: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        """`most` is how many pieces of work it can have in hand at once: the places of its batches, or processes."""
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
        """One more part of the engine, for which others need not wait."""
        part = Load(self._of["stage"], most, self._clock)
        self._parts.append(part)
        return part

    def adopt(self, part: Load) -> None:
        """Count the load of another engine of the stage as a part of this one."""
        self._parts.append(part)

    @property
    def most(self) -> int:
        """How many pieces of work it, or its largest part, can have in hand at once."""
        return max([self._most, *(part.most for part in self._parts)])

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A piece of work waits for the engine, for as long as the block lasts."""
        piece = object()
        self.enter(piece)
        try:
            yield
        finally:
            self.leave(piece)

    def enter(self, piece: Hashable) -> None:
        """A piece of work waits from now on."""
        since = self._clock()
        with self._lock:
            self._waiting[piece] = since

    def leave(self, *pieces: Hashable) -> None:
        """Pieces of work wait no more, begun or given up; no matter if they did not wait."""
        with self._lock:
            now = self._clock()
            since = [self._waiting.pop(piece, None) for piece in pieces]
            waits = [now - each for each in since if each is not None]
            if waits:
                self._past.pass_to(now, waits=waits)
        for seconds in waits:
            _WAIT.record(seconds, self._of)

    def waited(self, seconds: float) -> None:
        """A piece of work has waited for so long, and waits no more."""
        with self._lock:
            self._past.pass_to(self._clock(), waits=(seconds,))
        _WAIT.record(seconds, self._of)

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
        with self._lock:
            self._past.pass_to(self._clock(), more=more)

    @property
    def queue_seconds(self) -> float:
        """Mean wait of what began in the last seconds, and of what waits now."""
        waits = [load._waits() for load in (self, *self._parts)]
        count = sum(each for each, _ in waits)
        return sum(seconds for _, seconds in waits) / count if count else 0.0

    @property
    def fill(self) -> float:
        """Mean share of `most` that was in work over the last seconds, 0 to 1; before it was made, nothing was."""
        with self._lock:
            own = self._past.window(self._clock()).work / (WINDOW_SECONDS * self._most)
        return max([own, *(part.fill for part in self._parts)])

    def _waits(self) -> tuple[int, float]:
        """How many there were and are, and the sum of their seconds."""
        with self._lock:
            now = self._clock()
            ended = self._past.window(now)
            seconds = ended.waited + sum(now - since for since in self._waiting.values())
            return ended.waits + len(self._waiting), seconds


class _Sums(NamedTuple):
    """Of all time until an instant."""

    at: float
    work: float = 0.0  # seconds, of each piece
    waits: int = 0
    waited: float = 0.0  # seconds


class _Past:
    """The sums as they stood when something changed, as far back as the window reaches. Pure.

    Between two instants that are kept, work is taken to have been even. That is exact unless there was a change
    between them that is not kept; then they are less than a grain apart.
    """

    def __init__(self, now: float) -> None:
        self._kept = deque([_Sums(now)])  # the first is the last before the window, or the beginning
        self._working = 0

    def pass_to(self, now: float, more: int = 0, waits: Sequence[float] = ()) -> None:
        """Time has passed; now waits have ended, and more, or fewer, are in work."""
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
        """What the window, up to now, adds to the sums."""
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
