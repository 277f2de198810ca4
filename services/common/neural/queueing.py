"""Decides which items go into the next batch, and when. Pure, so that it is tested without sleeping.

Urgent items go first. Within each kind sessions take turns, and a session's own items keep their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from math import inf
from typing import Generic, TypeVar

Q = TypeVar("Q")
W = TypeVar("W")

_MOST_BATCHES_PASSED_OVER = 4  # then what is not urgent comes first for once: it is late, not unwanted
_MOST_TIMES_IN_VAIN = 5  # then one batch in 32 tries again


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one batch, and of the queue. Raises ValueError for limits that no batch could keep."""

    most_items: int = 16
    most_cost: int = 1 << 31  # sum of the items' costs; an item above it goes alone
    wait_ms: float = 10.0  # longest an idle device waits for more; an item may allow less
    queue_items: int = 512  # beyond them none is taken in

    def __post_init__(self) -> None:
        if min(self.most_items, self.most_cost, self.queue_items) < 1 or self.wait_ms < 0:
            raise ValueError(f"batch and queue hold at least one item, and waiting takes no less than 0 ms: {self}")


@dataclass(frozen=True, slots=True)
class Item(Generic[Q]):
    """A work item, and how it may be batched."""

    asked: Q
    session: Hashable = None  # sessions take turns, and are expected back; None: of none, its turn is its own
    urgent: bool = True  # finals before partials
    cost: int = 1  # in the unit of `most_cost`: tokens, samples, or items
    max_wait_ms: float | None = None  # for others while the device is idle; None: as the limits say


@dataclass(slots=True, eq=False)
class Entry(Generic[Q, W]):
    """A waiting item, with its waiter and the time it entered."""

    item: Item[Q]
    waiter: W
    entered: float  # seconds on the clock of whoever asks `Queue`


class Reason(StrEnum):
    """The reason why a batch starts now."""

    FULL = "full"  # it is at a limit
    ALONE = "alone"  # the device is idle, there is one item, and no other is expected
    IDLE = "idle"  # likewise, with several
    WAITED = "waited"  # others were expected, and are still not there


class Queue(Generic[Q, W]):
    """The items that wait for a device that computes one batch at a time.

    Sessions that were answered a moment ago often ask again at once (the next chunk, the next piece of a voice). So an
    idle device waits for those of its last batch, beside what gathered meanwhile: for `wait_ms` from that batch's end
    at the longest, never for one that is alone, and seldom where it turns out that they come back later.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._urgent: _Turns[Q, W] = _Turns()
        self._later: _Turns[Q, W] = _Turns()
        self._passed_over = 0  # batches in a row that went while something waited in `_later` and got no place
        self._company = _Company(limits.wait_ms / 1000)

    def __len__(self) -> int:
        return len(self._urgent) + len(self._later)

    def __iter__(self) -> Iterator[Entry[Q, W]]:
        return chain(self._urgent, self._later)

    @property
    def overfull(self) -> bool:
        """Whether the queue is full, and further items must be refused."""
        return len(self) >= self._limits.queue_items

    def add(self, entry: Entry[Q, W]) -> None:
        """Add an item that waits."""
        (self._urgent if entry.item.urgent else self._later).add(entry)

    def discard(self, entry: Entry[Q, W]) -> None:
        """Remove an item that waits no more; one that is not in the queue is ignored."""
        (self._urgent if entry.item.urgent else self._later).discard(entry)

    def reason(self, now: float) -> Reason | None:
        """Return why a batch is to start now on an idle device; None when it is to wait until `due`."""
        if self._full:
            return Reason.FULL
        company = self._company
        late = all(entry.entered >= company.until for entry in self)
        if late or len(self) >= company.count or self._all_back:
            return Reason.ALONE if len(self) == 1 else Reason.IDLE
        return Reason.WAITED if now >= self.due else None

    @property
    def due(self) -> float:
        """When a batch of the items that wait now is to start, whether others join or not."""
        bounds = [
            max(entry.entered, self._company.since) + entry.item.max_wait_ms / 1000
            for entry in self
            if entry.item.max_wait_ms is not None
        ]
        return min([self._company.until, *bounds])

    def take(self) -> list[Entry[Q, W]]:
        """Remove the next batch from the queue, and return it."""
        if not self._full:
            self._company.judge(self._all_back)
        later_first = self._passed_over >= _MOST_BATCHES_PASSED_OVER
        batch: list[Entry[Q, W]] = []
        cost = 0
        while len(self) and len(batch) < self._limits.most_items:
            late = bool(self._later) and (not self._urgent or (later_first and not batch))
            turns = self._later if late else self._urgent
            cost += turns.first.item.cost
            if batch and cost > self._limits.most_cost:
                break
            batch.append(turns.take())
        served = not self._later or any(not entry.item.urgent for entry in batch)
        self._passed_over = 0 if served else self._passed_over + 1
        return batch

    def idle(self, now: float, answered: Sequence[Entry[Q, W]]) -> None:
        """Record that the device has become idle, after this batch."""
        sessions = {entry.item.session for entry in answered if entry.item.session is not None}
        self._company.expect(sessions, len(self), now)

    @property
    def _full(self) -> bool:
        cost = sum(entry.item.cost for entry in self)
        return len(self) >= self._limits.most_items or cost >= self._limits.most_cost

    @property
    def _all_back(self) -> bool:
        return all(session in self._urgent or session in self._later for session in self._company.sessions)


class _Company:
    """The sessions to wait for: those of the last batch, unless such waits have been in vain of late."""

    def __init__(self, wait_seconds: float) -> None:
        self.sessions: Collection[Hashable] = ()
        self.count = 0  # items that are enough, whosever they are
        self.since = self.until = -inf  # seconds
        self._wait_seconds = wait_seconds
        self._in_vain = 0  # times in a row
        self._unasked = 0  # batches from now that wait for nobody

    def expect(self, sessions: Collection[Hashable], gathered: int, now: float) -> None:
        """Record that a batch of these sessions has ended, with so many items already waiting."""
        self.since, self.until = now, now + self._wait_seconds
        self.sessions, self.count = sessions, len(sessions) + gathered
        if self._unasked or not sessions or not self._wait_seconds:
            self._unasked = max(0, self._unasked - 1)
            self.sessions, self.count = (), 0

    def judge(self, all_back: bool) -> None:
        """Record whether the sessions waited for were all back when the next batch started."""
        if self.count > 1:
            self._in_vain = 0 if all_back else min(self._in_vain + 1, _MOST_TIMES_IN_VAIN)
            self._unasked = (1 << self._in_vain) - 1


class _Turns(Generic[Q, W]):
    """Items of sessions that take turns: a session that had its turn goes behind all others."""

    def __init__(self) -> None:
        self._of: dict[Hashable, deque[Entry[Q, W]]] = {}  # by session, in the order of their turns; none is empty
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Entry[Q, W]]:
        return chain.from_iterable(self._of.values())

    def __contains__(self, session: Hashable) -> bool:
        return session in self._of

    @property
    def first(self) -> Entry[Q, W]:
        """The item whose turn it is."""
        return next(iter(self._of.values()))[0]

    def add(self, entry: Entry[Q, W]) -> None:
        self._of.setdefault(_session(entry), deque()).append(entry)
        self._length += 1

    def take(self) -> Entry[Q, W]:
        """Remove the first item, and return it. Its session goes to the end of the line."""
        entry = self.first
        line = self._of.pop(_session(entry))
        line.popleft()
        if line:
            self._of[_session(entry)] = line
        self._length -= 1
        return entry

    def discard(self, entry: Entry[Q, W]) -> None:
        line = self._of.get(_session(entry), deque())
        if entry in line:
            line.remove(entry)
            self._length -= 1
            if not line:
                del self._of[_session(entry)]


def _session(entry: Entry[Q, W]) -> Hashable:
    return entry if entry.item.session is None else entry.item.session
