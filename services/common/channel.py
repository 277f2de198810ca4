"""Channels between tasks: a bounded queue with an end."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from services.common.changes import Changes

T = TypeVar("T")


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
