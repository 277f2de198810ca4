"""What joins the tasks of one loop: a bounded queue with an end, and changes that are waited for, without a lock."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Changes:
    """The tasks that wait for the next change of something. Each looks for itself whether it is what it waits for.

    A task of the loop is not interrupted between two awaits, so who reads and changes what is shared needs no lock; an
    `asyncio.Condition` would take one for each change, and each wait twice.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[bool]] = []

    def tell(self) -> None:
        """Wake all that wait now."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                if not each.done():
                    each.set_result(True)

    async def wait(self, seconds: float = 0.0) -> bool:
        """Wait for the next change, for at most so many seconds; 0 for as long as it takes. Returns whether it came."""
        loop = asyncio.get_running_loop()
        change: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(change)
        timer = loop.call_later(seconds, _end, change) if seconds else None
        try:
            return await change
        finally:
            if change in self._waiting:  # the time was over, or who waited was cancelled
                self._waiting.remove(change)
            if timer is not None:
                timer.cancel()


def _end(change: asyncio.Future[bool]) -> None:
    if not change.done():
        change.set_result(False)


class ChannelClosed(Exception):
    """Raised when something is put into a channel after its end."""


class Channel(Generic[T]):
    """A bounded first-in, first-out channel with an end.

    `put` waits while `room` items wait to be taken: that wait is the backpressure. Iterating takes items until the
    channel has been closed and is empty. Any number of tasks may put; one takes.
    """

    def __init__(self, room: int) -> None:
        self._items: deque[T] = deque()
        self._room = room
        self._closed = False
        self._changed = Changes()

    def __len__(self) -> int:
        return len(self._items)

    async def put(self, item: T) -> None:
        """Add an item once there is room. Raises ChannelClosed when the channel has been closed."""
        while not self._closed and len(self._items) >= self._room:
            await self._changed.wait()
        if self._closed:
            raise ChannelClosed
        self._items.append(item)
        self._changed.tell()

    async def close(self) -> None:
        """End the channel: items inside can still be taken. Closing it again has no effect."""
        self._closed = True
        self._changed.tell()

    async def clear(self) -> list[T]:
        """Remove all waiting items, and return them."""
        items = list(self._items)
        self._items.clear()
        self._changed.tell()
        return items

    @property
    def closed(self) -> bool:
        """Whether the channel was ended."""
        return self._closed

    async def wait(self, seconds: float = 0.0) -> bool:
        """Wait for an item without taking it; return False when the channel ended first.

        Also when none came for so many seconds; 0 waits for as long as it takes.
        """
        while not self._items and not self._closed:
            if not await self._changed.wait(seconds):
                return False
        return bool(self._items)

    def take(self) -> T:
        """Take the next item, which must be there (see `wait`)."""
        item = self._items.popleft()
        self._changed.tell()
        return item

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        while not self._items and not self._closed:
            await self._changed.wait()
        if not self._items:
            raise StopAsyncIteration
        item = self._items.popleft()
        self._changed.tell()
        return item
