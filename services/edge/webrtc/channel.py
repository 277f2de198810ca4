"""The data channel of a client: messages of JSON in both directions, ordered and whole, and none without bound.

aiortc puts what it is given into a buffer without a bound, and calls back with what comes. Here a sender waits until
the buffer is low, and of messages that nobody reads only so many are kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from services.edge.realtime.lines import Gone
from services.edge.webrtc.parts import LEAST_BYTES, cut

_LOW_BYTES = 64 * 1024  # waiting in aiortc's buffer
_MOST_UNREAD = 64


class Channel:
    """The channel of one client, from before it is open."""

    def __init__(self, news: asyncio.Event, expected: bool) -> None:
        self._news = news
        self._expected = expected  # whether the client's offer has a line of data
        self._opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._low = asyncio.Event()
        self._unread: deque[str | None] = deque()
        self._parted = 0
        self.left = False  # whether the client is gone, and no channel comes any more

    @property
    def gone(self) -> bool:
        """Whether the channel was closed, or its client is gone or sent more than is read."""
        if self.left or len(self._unread) > _MOST_UNREAD:
            return True
        return self._opened.done() and self._opened.result().readyState == "closed"

    def open(self, channel: Any) -> None:
        """Take a client's channel; of several the first that loses nothing and keeps the order."""
        whole = channel.ordered and channel.maxRetransmits is None and channel.maxPacketLifeTime is None
        if self._opened.done() or not whole:
            channel.close()
            return
        channel.bufferedAmountLowThreshold = _LOW_BYTES // 2
        channel.on("bufferedamountlow", self._low.set)
        channel.on("close", self._closed)
        channel.on("message", self._heard)
        self._opened.set_result(channel)

    def leave(self) -> None:
        """Note that the client is gone: whoever waits to send, also for a channel that never came, is told so."""
        self.left = True
        self._low.set()
        if not self._opened.done():
            self._opened.set_result(None)

    def take(self) -> str | None:
        """Return the next message of the client, empty for one of bytes; None where there is none."""
        return (self._unread.popleft() or "") if self._unread else None

    async def send(self, text: str) -> None:
        """Send a message, in parts if need be, once there is room. Raises Gone where the channel is closed."""
        if not self._expected:
            return
        channel = await asyncio.shield(self._opened)
        if self.left:
            raise Gone
        limit = channel.transport._remote_max_message_size  # aiortc has no other way to ask
        if 0 < limit < LEAST_BYTES:
            raise Gone
        self._parted += 1
        for part in cut(text, self._parted, limit):
            while not self.left and channel.readyState == "open" and channel.bufferedAmount > _LOW_BYTES:
                self._low.clear()
                await self._low.wait()
            if self.left or channel.readyState != "open":
                raise Gone
            channel.send(part)

    async def settle(self) -> None:
        """Wait until all that was sent has left."""
        while not self.left and self._opened.done() and (channel := self._opened.result()).readyState == "open":
            if not channel.bufferedAmount:
                return
            channel.bufferedAmountLowThreshold = 0
            self._low.clear()
            await self._low.wait()

    def _closed(self) -> None:
        self._low.set()
        self._news.set()

    def _heard(self, message: str | bytes) -> None:
        if len(self._unread) <= _MOST_UNREAD:
            self._unread.append(message if isinstance(message, str) else None)
        self._news.set()
