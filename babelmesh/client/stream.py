"""Wraps one Stream call: reads and writes, with every failure turned into SessionFailed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

import grpc

from babelmesh.client.errors import CONNECTION_LOST, SessionFailed, from_event, typed_failures
from babelmesh.client.events import ClientMessage, Error, Ready, ServerMessage, SessionConfig, event_of
from babelmesh.client.silence import Silence

if TYPE_CHECKING:
    Call: TypeAlias = grpc.aio.StreamStreamCall[ClientMessage, ServerMessage]

NO_READY = "NO_READY"
READY_SECONDS = 10.0  # a server decides about a hello within milliseconds


class Stream:
    """A Stream call. It may be abandoned from anywhere: its reader and writer then get CONNECTION_LOST."""

    def __init__(self, call: Call, address: str, channel: grpc.aio.Channel | None = None) -> None:
        self.address = address
        self.written = -1  # the number of the log's last entry that was written
        self.leaving = False  # whether the server said that it will close
        self._call = call
        self._channel = channel  # its own, closed with it
        self._started = False
        self._reading = False
        self._reads = 0  # messages read
        self._timers: dict[str, asyncio.TimerHandle] = {}

    async def greet(self, hello: SessionConfig, seconds: float = READY_SECONDS) -> Ready:
        """Send the hello and wait for `ready`. Raises SessionFailed."""
        try:
            async with asyncio.timeout(seconds):
                return await self._greeted(hello)
        except TimeoutError:
            raise SessionFailed(NO_READY, f"No answer to the hello came from {self.address} in time.") from None

    async def _greeted(self, hello: SessionConfig) -> Ready:
        try:
            await self.write(ClientMessage(hello=hello))
        except SessionFailed as failure:
            if failure.code != "SESSION_ENDED":
                raise  # else the read tells why
        message = await self.read()
        event = event_of(message) if message is not None else None
        match event:
            case Ready():
                return event
            case Error():
                raise from_event(event)
        raise SessionFailed(NO_READY, "The server did not answer the hello with ready.")

    async def read(self) -> ServerMessage | None:
        """Return the next message; None once the server ended the call with OK. Raises SessionFailed."""
        self._reading = True
        try:
            with self._typed():
                message = await self._call.read()
        finally:
            self._reading = False
        self._started = True
        self._reads += 1
        return message if isinstance(message, ServerMessage) else None

    async def write(self, message: ClientMessage) -> None:
        """Send a message; return once the transport has taken it. One at a time."""
        with self._typed():
            await self._call.write(message)

    async def done_writing(self) -> None:
        """Half-close the call; does nothing when the call is over already."""
        with self._typed(), suppress(grpc.aio.InternalError):  # the call ended meanwhile: a batch that failed
            await self._call.done_writing()

    def expect_heartbeats(self, period_seconds: float) -> None:
        """Abandon the call when several heartbeats are missing while a reader waits."""
        silence, loop = Silence(period_seconds), asyncio.get_running_loop()

        def tick(due: float, read: int) -> None:
            if not self._reading or read != self._reads:
                silence.heard()
            elif silence.ticked(loop.time() - due):
                return self.abandon()
            again = loop.time() + period_seconds
            self._timers["silence"] = loop.call_at(again, tick, again, self._reads)

        first = loop.time() + period_seconds
        self._timers["silence"] = loop.call_at(first, tick, first, self._reads)

    def leave_within(self, seconds: float) -> None:
        """Abandon the call after so many seconds."""
        self.leaving = True
        self._timers["leaving"] = asyncio.get_running_loop().call_later(seconds, self.abandon)

    def abandon(self) -> None:
        """Cancel the call from this side."""
        for timer in self._timers.values():
            timer.cancel()
        if not self._call.cancel():
            # gRPC takes a call for done when a write failed, but waits for its status while messages are unread.
            self._call._cython_call.cancel("left")  # type: ignore[attr-defined]  # there is no public way

    async def close(self) -> None:
        """End the call, and close its connection where it has one of its own."""
        self.abandon()
        if self._channel is not None:
            await self._channel.close()

    @contextmanager
    def _typed(self) -> Iterator[None]:
        try:
            with typed_failures(self.address, self._started):
                yield
        except asyncio.InvalidStateError:
            raise SessionFailed("SESSION_ENDED", "The session has ended; nothing more can be sent.") from None
        except asyncio.CancelledError:
            # gRPC raises it as well when not this task but the call was cancelled, here or by a read that was given up.
            task = asyncio.current_task()
            if task and not task.cancelling():
                raise SessionFailed(CONNECTION_LOST, f"The connection to {self.address} was given up.") from None
            raise
