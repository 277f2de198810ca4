"""What one voice has yet to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TypeAlias

from opentelemetry.context import Context

from services.gateway.backlog import Ticket
from services.gateway.shared import Mark
from services.gateway.tiers import Rung


@dataclass(frozen=True, slots=True)
class Clause:
    """Concluded text to speak."""

    text: str
    segment_id: int
    ticket: Ticket
    trace: Context
    typed: bool = False  # its source was not spoken, so there is no speaker to fall behind
    source_samples: int = 0  # where the source speech it is made from ends
    said_samples: int = 0  # so much of it the listener has already, at the output rate
    rung: Rung = field(default_factory=Rung)  # the tier that speaks the utterance


@dataclass(frozen=True, slots=True)
class SegmentDone:
    """Behind the last clause of a segment."""

    segment_id: int


Spoken: TypeAlias = Clause | SegmentDone | Mark


class Waiting:
    """Clauses, and what follows them, in order. Bounded: who adds waits for room, or makes some."""

    def __init__(self, room: int) -> None:
        self.drops = 0  # so often all clauses were dropped
        self._items: list[Spoken] = []
        self._room = room
        self._closed = False
        self._changed = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def waiting_bytes(self) -> int:
        """The size of the text of the clauses."""
        return sum(len(each.text.encode()) for each in self._items if isinstance(each, Clause))

    async def newer(self) -> None:
        """Waits until a clause waits, or all clauses were dropped."""
        drops = self.drops
        async with self._changed:
            await self._changed.wait_for(
                lambda: self.drops != drops or any(isinstance(each, Clause) for each in self._items)
            )

    async def put(self, spoken: Spoken) -> None:
        """Adds it behind all others, once there is room."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._items) < self._room)
            self._items.append(spoken)
            self._changed.notify_all()

    async def squeeze(self, spoken: Spoken) -> list[Spoken]:
        """Adds it at once. Gives what had to make room: the oldest clause, and what now follows no clause."""
        gone: list[Spoken] = []
        async with self._changed:
            self._items.append(spoken)
            if len(self._items) > self._room:
                oldest = next((each for each in self._items if isinstance(each, Clause)), None)
                while self._items and (oldest in self._items or not isinstance(self._items[0], Clause)):
                    gone.append(self._items.pop(0))
            self._changed.notify_all()
        return gone

    async def drop_clauses(self) -> list[Clause]:
        """Takes out all clauses; what follows them stays."""
        async with self._changed:
            self.drops += 1
            clauses = [each for each in self._items if isinstance(each, Clause)]
            self._items = [each for each in self._items if not isinstance(each, Clause)]
            self._changed.notify_all()
        return clauses

    async def close(self) -> None:
        """Nothing more will be added."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __aiter__(self) -> AsyncIterator[Spoken]:
        return self

    async def __anext__(self) -> Spoken:
        async with self._changed:
            await self._changed.wait_for(lambda: self._items or self._closed)
            if not self._items:
                raise StopAsyncIteration
            self._changed.notify_all()
            return self._items.pop(0)
