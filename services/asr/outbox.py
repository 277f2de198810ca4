"""A session's outgoing messages, for a reader that may be slower than the engine."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Hashable
from typing import Generic, TypeVar

from services.common.channel import Changes

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
        self._kept = 0  # of those that wait: without a topic
        self._changed = Changes()

    async def put(self, message: T, topic: Hashable | None = None) -> None:
        """Add a message, replacing a waiting one of the same topic; without a topic, wait for room."""
        if topic is None:
            while self._kept >= self._room:
                await self._changed.wait()
            self._kept += 1
        elif any(entry[0] == topic for entry in self._waiting):
            self._waiting = deque(entry for entry in self._waiting if entry[0] != topic)
        self._waiting.append((topic, message))
        self._changed.tell()

    async def close(self) -> None:
        """Close the queue: readers stop after the messages that still wait."""
        self._closed = True
        self._changed.tell()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        while not self._waiting and not self._closed:
            await self._changed.wait()
        if not self._waiting:
            raise StopAsyncIteration
        topic, message = self._waiting.popleft()
        self._kept -= topic is None
        self._changed.tell()
        return message
