"""What waits to be sent to one client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, TypeVar

from services.common.channel import Changes

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
    make: Callable[[], list[M]] | None  # None: `made` is there
    made: list[M]
    key: Hashable  # of an interim or a note: what it is about; of speech: its language
    size_bytes: int = SMALL_BYTES
    interim: bool = False


class _State(Enum):
    """How far an outbox has got."""

    OPEN = auto()
    CLOSED = auto()  # nothing more will be put
    WRITTEN = auto()  # nor is there anything left to write


class Outbox(Generic[M]):
    """A bounded queue of messages, in order. An interim result replaces the one about the same thing that still waits.

    `put` waits while so many messages or bytes wait; the backpressure of a slow client starts here.
    """

    def __init__(self, room: Room[M]) -> None:
        self._entries: dict[int, _Entry[M]] = {}  # by a number that rises
        self._next = 0
        self._interim: dict[Hashable, int] = {}  # the numbers of interim results that wait, by what they are about
        self._shown: dict[Hashable, tuple[str, int]] = {}  # last, of what is not final yet: text and concluded length
        self.waiting_bytes = 0  # the size of all messages that wait
        self._room = room
        self._state = _State.OPEN
        self._still_since = 0.0  # on the loop's clock: a message was taken, or the first one came, last
        self._changed = Changes()

    async def put(self, message: M, final_of: Hashable = None) -> None:
        """Send a message after all before it. `final_of`: the interim results it makes pointless."""
        if final_of is not None:
            self._shown.pop(final_of, None)
        await self._add(_Entry(None, [message], None, self._room.size_of(message)), final_of)

    async def put_interim(self, about: Hashable, message: M, shown: tuple[str, int] | None = None) -> None:
        """Send an interim result, unless a newer one about the same comes first.

        Not one that would tell nothing: where it is given, `shown` is its text, and how much of it is concluded. An
        empty text is shown only where it takes back one that was not.
        """
        if shown is not None:
            if shown == self._shown.get(about, ("", 0)):
                return
            self._shown[about] = shown
        await self._add(_Entry(None, [message], about, self._room.size_of(message), interim=True), about)

    async def put_speech(self, lang: str, make: Callable[[], list[M]], size_bytes: int = SMALL_BYTES) -> None:
        """Send speech, made as in `put_made`, unless it is interrupted first."""
        await self._add(_Entry(make, [], lang, size_bytes), None)

    async def put_made(self, make: Callable[[], list[M]]) -> None:
        """Send messages that are made when their turn has come: all before them has been written by then."""
        await self._add(_Entry(make, [], None), None)

    async def note(self, about: Hashable, make: Callable[[], list[M]]) -> None:
        """Send messages made as in `put_made`, however much waits; once, while those about the same still wait."""
        if not any(entry.key == ("note", about) for entry in self._entries.values()):
            self._append(_Entry(make, [], ("note", about)))

    @property
    def closed(self) -> bool:
        """Whether the outbox is closed: nothing more will be put."""
        return self._state is not _State.OPEN

    async def drop_speech(self, lang: str) -> None:
        """Take back the speech of a language that was not sent yet."""
        for number, entry in list(self._entries.items()):
            if not entry.interim and entry.key == lang:
                self._take_out(number)
        self._changed.tell()

    async def close(self, *last: M) -> None:
        """Close the outbox, behind a last message for which there is always room. What waits is still sent."""
        self._state = _State.CLOSED
        self._append(_Entry(None, list(last), None))

    async def clear(self) -> None:
        """Drop all that waits to be sent."""
        for number in list(self._entries):
            self._take_out(number)
        self._changed.tell()

    async def flushed(self) -> None:
        """Wait until the outbox is closed and all that was in it has been written."""
        while self._state is not _State.WRITTEN:
            await self._changed.wait()

    async def stalled(self, seconds: float) -> None:
        """Wait until messages have waited for so long, and none was taken meanwhile."""
        clock = asyncio.get_running_loop().time
        while True:
            since = self._still_since if self._entries else clock()
            if (left := since + seconds - clock()) <= 0:
                return
            await asyncio.sleep(left)

    async def _add(self, entry: _Entry[M], replacing: Hashable) -> None:
        """Add an entry in place of an interim result, once there is room for it, or room matters no more."""
        while True:
            replaced = self._interim.get(replacing) if replacing is not None else None
            beside, beside_bytes = len(self._entries), self.waiting_bytes
            if replaced is not None:
                beside, beside_bytes = beside - 1, beside_bytes - self._entries[replaced].size_bytes
            fits = beside_bytes + entry.size_bytes <= self._room.bytes or not beside  # what fits nowhere goes alone
            if (fits and beside < self._room.messages) or self._state is not _State.OPEN:
                break
            await self._changed.wait()
        if replaced is not None:
            self._take_out(replaced)
        self._append(entry)

    def _append(self, entry: _Entry[M]) -> None:
        if not self._entries:
            self._still_since = asyncio.get_running_loop().time()
        self._next += 1
        self._entries[self._next] = entry
        self.waiting_bytes += entry.size_bytes
        if entry.interim:
            self._interim[entry.key] = self._next
        self._changed.tell()

    def _take_out(self, number: int) -> _Entry[M]:
        entry = self._entries.pop(number)
        self.waiting_bytes -= entry.size_bytes
        if entry.interim:
            del self._interim[entry.key]
        return entry

    def __aiter__(self) -> AsyncIterator[list[M]]:
        return self

    async def __anext__(self) -> list[M]:
        while not self._entries:
            if self._state is not _State.OPEN:
                self._state = _State.WRITTEN
                self._changed.tell()
                raise StopAsyncIteration
            await self._changed.wait()
        entry = self._take_out(next(iter(self._entries)))
        self._still_since = asyncio.get_running_loop().time()
        self._changed.tell()
        return entry.made if entry.make is None else entry.make()
