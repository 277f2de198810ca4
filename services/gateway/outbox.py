"""What waits to be sent to one client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

M = TypeVar("M")


@dataclass(frozen=True, slots=True, eq=False)
class _Entry(Generic[M]):
    make: Callable[[], list[M]]
    key: Hashable  # of an interim: what it is about; of speech: its language
    interim: bool = False


class Outbox(Generic[M]):
    """A bounded queue of messages, in order. An interim result replaces the one about the same thing that still waits.

    `put` waits while `room` messages wait; the backpressure of a slow client starts here.
    """

    def __init__(self, room: int) -> None:
        self._entries: list[_Entry[M]] = []
        self._room = room
        self._closed = False
        self._taken = 0
        self._written = False
        self._changed = asyncio.Condition()

    async def put(self, message: M, final_of: Hashable = None) -> None:
        """Sends a message after all before it. `final_of`: the interim results it makes pointless."""
        await self._add(_Entry(lambda: [message], None), replacing=final_of)

    async def put_interim(self, about: Hashable, message: M) -> None:
        """Sends an interim result, unless a newer one about the same comes first."""
        await self._add(_Entry(lambda: [message], about, interim=True), replacing=about)

    async def put_speech(self, lang: str, make: Callable[[], list[M]]) -> None:
        """Sends speech, made as in `put_made`, unless it is interrupted first."""
        await self._add(_Entry(make, lang), replacing=None)

    async def put_made(self, make: Callable[[], list[M]]) -> None:
        """Sends messages that are made when their turn has come: all before them has been written by then."""
        await self._add(_Entry(make, None), replacing=None)

    async def drop_speech(self, lang: str) -> None:
        """Takes back the speech of a language that was not sent yet."""
        async with self._changed:
            self._entries = [entry for entry in self._entries if entry.interim or entry.key != lang]
            self._changed.notify_all()

    async def close(self, *last: M) -> None:
        """Nothing more will be put, but the last word, for which there is always room. What waits is still sent."""
        async with self._changed:
            self._entries += [_Entry(lambda: list(last), None)]
            self._closed = True
            self._changed.notify_all()

    async def clear(self) -> None:
        """Drops all that waits."""
        async with self._changed:
            self._entries = []
            self._changed.notify_all()

    async def flushed(self) -> None:
        """Waits until it is closed and all that was in it has been written."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._written)

    async def stalled(self, seconds: float) -> None:
        """Waits until something has waited for so long, and nothing was taken meanwhile."""
        async with self._changed:
            while True:
                await self._changed.wait_for(lambda: self._entries)
                taken = self._taken
                try:
                    async with asyncio.timeout(seconds):
                        await self._changed.wait_for(lambda: self._taken != taken)  # noqa: B023  # waited for at once
                except TimeoutError:
                    return

    async def _add(self, entry: _Entry[M], replacing: Hashable) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._beside(replacing)) < self._room or self._closed)
            self._entries = [*self._beside(replacing), entry]
            self._changed.notify_all()

    def _beside(self, replaced: Hashable) -> list[_Entry[M]]:
        """What waits beside the interim result about `replaced`."""
        if replaced is None:
            return self._entries
        return [entry for entry in self._entries if not (entry.interim and entry.key == replaced)]

    def __aiter__(self) -> AsyncIterator[list[M]]:
        return self

    async def __anext__(self) -> list[M]:
        async with self._changed:
            await self._changed.wait_for(lambda: self._entries or self._closed)
            if not self._entries:
                self._written = True
                self._changed.notify_all()
                raise StopAsyncIteration
            entry = self._entries.pop(0)
            self._taken += 1
            self._changed.notify_all()
        return entry.make()
