"""A session's outgoing messages, for a reader that may be slower than the engine."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """A bounded queue in which the latest message of a topic replaces those of the topic that still wait.

    Messages without a topic are never dropped: while `room` of them wait, `put` waits too. Of each topic at most one
    message waits, at the place of the latest.
    """

    def __init__(self, room: int) -> None:
        self._waiting: deque[tuple[Hashable | None, T]] = deque()
        self._room = room
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, message: T, topic: Hashable | None = None) -> None:
        """Add a message, replacing a waiting one of the same topic; without a topic, wait for room."""
        async with self._changed:
            if topic is None:
                await self._changed.wait_for(lambda: self._kept() < self._room)
            else:
                self._waiting = deque(entry for entry in self._waiting if entry[0] != topic)
            self._waiting.append((topic, message))
            self._changed.notify_all()

    async def close(self) -> None:
        """Close the queue: readers stop after the messages that still wait."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _kept(self) -> int:
        return sum(1 for topic, _ in self._waiting if topic is None)

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                raise StopAsyncIteration
            _, message = self._waiting.popleft()
            self._changed.notify_all()
            return message
