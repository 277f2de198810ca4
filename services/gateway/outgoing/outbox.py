"""What waits to be sent to one client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, TypeVar

M = TypeVar("M")
SMALL_BYTES = 64  # what a message counts that is made when its turn has come


def _small(_: object) -> int:
    return SMALL_BYTES


@dataclass(frozen=True, slots=True)
class Room(Generic[M]):
    """How many messages and bytes may wait for the client."""

    messages: int
    bytes: int = 1 << 62
    size_of: Callable[[M], int] = field(default=_small, repr=False)  # in bytes


@dataclass(frozen=True, slots=True, eq=False)
class _Entry(Generic[M]):
    make: Callable[[], list[M]]
    key: Hashable  # of an interim or a note: what it is about; of speech: its language
    interim: bool = False
    size_bytes: int = SMALL_BYTES


class _State(Enum):
    """How far an outbox has got."""

    OPEN = auto()
    CLOSED = auto()  # nothing more will be put
    WRITTEN = auto()  # nor is there anything left to write


class News:
    """What was shown last of each thing that is not final yet."""

    def __init__(self) -> None:
        self._shown: dict[Hashable, tuple[str, int]] = {}

    def tells(self, about: Hashable, text: str, stable_length: int) -> bool:
        """Whether an interim result is to be shown: its text, or how much of it is concluded, is another than before.

        An empty text is shown only where it takes back one that was not.
        """
        shown = (text, stable_length)
        if shown == self._shown.get(about, ("", 0)):
            return False
        self._shown[about] = shown
        return True

    def ended(self, about: Hashable) -> None:
        """Forget what was shown of something whose final is sent."""
        self._shown.pop(about, None)


class Outbox(Generic[M]):
    """A bounded queue of messages, in order. An interim result replaces the one about the same thing that still waits.

    `put` waits while so many messages or bytes wait; the backpressure of a slow client starts here.
    """

    def __init__(self, room: Room[M]) -> None:
        self._entries: list[_Entry[M]] = []
        self._room = room
        self._state = _State.OPEN
        self._taken = 0
        self._news = News()
        self._changed = asyncio.Condition()

    async def put(self, message: M, final_of: Hashable = None) -> None:
        """Send a message after all before it. `final_of`: the interim results it makes pointless."""
        if final_of is not None:
            self._news.ended(final_of)
        await self._add(_Entry(lambda: [message], None, size_bytes=self._room.size_of(message)), replacing=final_of)

    async def put_interim(self, about: Hashable, message: M, shown: tuple[str, int] | None = None) -> None:
        """Send an interim result, unless a newer one about the same comes first.

        Not one that would tell nothing: where it is given, `shown` is its text, and how much of it is concluded.
        """
        if shown is not None and not self._news.tells(about, *shown):
            return
        size_bytes = self._room.size_of(message)
        await self._add(_Entry(lambda: [message], about, interim=True, size_bytes=size_bytes), replacing=about)

    async def put_speech(self, lang: str, make: Callable[[], list[M]], size_bytes: int = SMALL_BYTES) -> None:
        """Send speech, made as in `put_made`, unless it is interrupted first."""
        await self._add(_Entry(make, lang, size_bytes=size_bytes), replacing=None)

    async def put_made(self, make: Callable[[], list[M]]) -> None:
        """Send messages that are made when their turn has come: all before them has been written by then."""
        await self._add(_Entry(make, None), replacing=None)

    async def note(self, about: Hashable, make: Callable[[], list[M]]) -> None:
        """Send messages made as in `put_made`, however much waits; once, while those about the same still wait."""
        async with self._changed:
            if not any(entry.key == ("note", about) for entry in self._entries):
                self._entries.append(_Entry(make, ("note", about)))
                self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether the outbox is closed: nothing more will be put."""
        return self._state is not _State.OPEN

    @property
    def waiting_bytes(self) -> int:
        """The size of all messages that wait."""
        return sum(entry.size_bytes for entry in self._entries)

    async def drop_speech(self, lang: str) -> None:
        """Take back the speech of a language that was not sent yet."""
        async with self._changed:
            self._entries = [entry for entry in self._entries if entry.interim or entry.key != lang]
            self._changed.notify_all()

    async def close(self, *last: M) -> None:
        """Close the outbox, behind a last message for which there is always room. What waits is still sent."""
        async with self._changed:
            self._entries += [_Entry(lambda: list(last), None)]
            self._state = _State.CLOSED
            self._changed.notify_all()

    async def clear(self) -> None:
        """Drop all that waits to be sent."""
        async with self._changed:
            self._entries = []
            self._changed.notify_all()

    async def flushed(self) -> None:
        """Wait until the outbox is closed and all that was in it has been written."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._state is _State.WRITTEN)

    async def stalled(self, seconds: float) -> None:
        """Wait until messages have waited for so long, and none was taken meanwhile."""
        async with self._changed:
            while True:
                while not self._entries:
                    await self._changed.wait()
                taken = self._taken
                try:
                    async with asyncio.timeout(seconds):
                        while self._taken == taken:
                            await self._changed.wait()
                except TimeoutError:
                    return

    async def _add(self, entry: _Entry[M], replacing: Hashable) -> None:
        async with self._changed:
            while not self._takes(entry, replacing):
                await self._changed.wait()
            self._entries.append(entry)
            self._changed.notify_all()

    def _takes(self, entry: _Entry[M], replacing: Hashable) -> bool:
        """Whether there is room for an entry, or room matters no more; then the interim it replaces is taken out."""
        waiting_bytes, replaced = 0, None
        for each in self._entries:
            if replacing is not None and each.interim and each.key == replacing:
                replaced = each
            else:
                waiting_bytes += each.size_bytes
        beside = len(self._entries) - (replaced is not None)
        fits = waiting_bytes + entry.size_bytes <= self._room.bytes or not beside  # what fits nowhere goes alone
        if self._state is _State.OPEN and not (fits and beside < self._room.messages):
            return False
        if replaced:
            self._entries.remove(replaced)
        return True

    def __aiter__(self) -> AsyncIterator[list[M]]:
        return self

    async def __anext__(self) -> list[M]:
        async with self._changed:
            while not self._entries and self._state is _State.OPEN:
                await self._changed.wait()
            if not self._entries:
                self._state = _State.WRITTEN
                self._changed.notify_all()
                raise StopAsyncIteration
            entry = self._entries.pop(0)
            self._taken += 1
            self._changed.notify_all()
        return entry.make()
