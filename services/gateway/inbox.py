"""What waits to be translated into one language."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from services.gateway.shared import Mark
from services.gateway.terms import Transcript

Work: TypeAlias = Transcript | Mark

ROOM = 256  # finals; audio is held after seconds, so only typed text, or a translator that is away, gets near it


class Inbox:
    """Finals in order, and the one latest interim transcript. Finals go first."""

    def __init__(self) -> None:
        self._finals: list[Work] = []
        self._latest: Transcript | None = None
        self._closed = False
        self._changed = asyncio.Condition()

    @property
    def waiting(self) -> int:
        """How many finals and marks wait."""
        return len(self._finals)

    @property
    def waiting_bytes(self) -> int:
        """The size of their text."""
        return sum(len(work.text.encode()) for work in self._finals)

    async def put(self, work: Work) -> None:
        """Adds a final transcript or a mark; waits for room. What was interim of the segment is pointless now."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self.full or self._closed)
            self._finals.append(work)
            if isinstance(work, Transcript):
                self._latest = None
            self._changed.notify_all()

    async def put_interim(self, transcript: Transcript) -> None:
        """Replaces the interim transcript that still waits."""
        async with self._changed:
            self._latest = transcript
            self._changed.notify_all()

    async def drop_interim(self) -> None:
        """Drops the interim transcript that still waits."""
        async with self._changed:
            self._latest = None

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._closed

    async def close(self) -> None:
        """Nothing more will come; what waits is still to be done."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def full(self) -> bool:
        """Whether who adds a final must wait."""
        return len(self._finals) >= ROOM

    async def pressing(self) -> None:
        """Waits until it is full, or nothing more will come."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.full or self._closed)

    async def take(self, most: int) -> list[Work]:
        """So many finals and marks at most, else the latest interim transcript; nothing when nothing will come."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._finals or self._latest or self._closed)
            works, self._finals = self._finals[:most], self._finals[most:]
            if not works and self._latest:
                works, self._latest = [self._latest], None
            self._changed.notify_all()
        return works
