"""What waits to be translated into one language."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeAlias

from services.gateway.shared import Mark
from services.gateway.terms import Transcript

Work: TypeAlias = Transcript | Mark

_ROOM = 64  # finals; audio is held after seconds, so only typed text gets near it


class Inbox:
    """Finals in order, and the one latest interim transcript. Finals go first."""

    def __init__(self) -> None:
        self._finals: list[Work] = []
        self._latest: Transcript | None = None
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, work: Work) -> None:
        """Adds a final transcript or a mark; waits for room. What was interim of the segment is pointless now."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._finals) < _ROOM or self._closed)
            self._finals.append(work)
            if isinstance(work, Transcript):
                self._latest = None
            self._changed.notify_all()

    async def put_interim(self, transcript: Transcript) -> None:
        """Replaces the interim transcript that still waits."""
        async with self._changed:
            self._latest = transcript
            self._changed.notify_all()

    async def close(self) -> None:
        """Nothing more will come; what waits is still to be done."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __aiter__(self) -> AsyncIterator[Work]:
        return self

    async def __anext__(self) -> Work:
        async with self._changed:
            await self._changed.wait_for(lambda: self._finals or self._latest or self._closed)
            work: Work | None = self._finals.pop(0) if self._finals else self._latest
            if work is self._latest:
                self._latest = None
            self._changed.notify_all()
        if work is None:
            raise StopAsyncIteration
        return work
