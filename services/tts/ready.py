"""Speech that was made and not sent: what was made while a message was written leaves as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from services.common.channel import Changes


class Ready:
    """A bounded buffer of 16-bit samples between who makes speech and who sends it, on one event loop.

    An engine that makes many pieces in a moment has them sent in few messages. The first piece is sent alone, at once.
    """

    def __init__(self, room_samples: int) -> None:
        self._room_bytes = 2 * room_samples
        self._pieces: list[bytes] = []
        self._bytes = 0  # of the pieces
        self._began = self._closed = False
        self._changed = Changes()

    async def put(self, pcm: bytes) -> None:
        """Add a piece, once there is room for it: one that is larger than all the room goes alone.

        An empty piece is sent, too, where nothing else waits: it shows that the engine is at work.
        """
        while self._pieces and self._bytes + len(pcm) > self._room_bytes:
            await self._changed.wait()
        self._pieces.append(pcm)
        self._bytes += len(pcm)
        self._changed.tell()
        if not self._began:
            self._began = True
            await asyncio.sleep(0)  # for the writer, before the engine goes on

    def close(self) -> None:
        """Close the buffer: there is no more to come. What waits is still sent."""
        self._closed = True
        self._changed.tell()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces and not self._closed:
            await self._changed.wait()
        if not self._pieces:
            raise StopAsyncIteration
        pieces, self._pieces, self._bytes = self._pieces, [], 0
        self._changed.tell()
        return b"".join(pieces)
