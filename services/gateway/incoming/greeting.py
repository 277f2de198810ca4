"""Streams from their first moment to their session: the wait for a hello, and the way out of those that get none.

Until its session opens, a stream holds no slot. What it holds is bounded by number and by time, and a gateway that
drains does not wait for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import AtCapacity, InvalidArgument, MeshError, TooSlow
from services.common.retrying import jittered
from services.common.server.answering import begin_answers
from services.common.server.reading import Unreadable, readable
from services.common.telemetry import rpcs
from services.gateway.incoming.call import CallContext
from services.gateway.outgoing import messages
from services.gateway.settings import GatewaySettings

TOO_MANY_STREAMS = "TOO_MANY_STREAMS"
SILENT_SECONDS = 0.02  # of a client that was refused: whether it waits for our answer or goes on writing
LAST_WORDS_SECONDS = 1.0  # for a client to stop writing before its call is ended with a fault
_RETRY_MS = 500
_WRITTEN_SECONDS = 1.0  # for a refusal to be taken by the connection of a client that reads nothing
_DRAINING_SECONDS = 0.2  # for the hello of a stream that comes to a gateway which is about to stop


class Greetings:
    """The streams that have no session yet, or that are told why they get none."""

    def __init__(self, settings: GatewaySettings, require_open: Callable[[], None]) -> None:
        self.require_open = require_open  # raises MeshError when the gateway is about to stop
        self.patience_seconds = settings.greet_ms / 1000
        self._most = (settings.ungreeted_streams, settings.ungreeted_client_streams)
        self._streams: Counter[str] = Counter()  # by client
        self._waits: set[asyncio.Timeout] = set()

    def enter(self, client: str) -> None:
        """Count one more stream of a client. Raises AtCapacity where there are too many."""
        most, of_one = self._most
        if self._streams.total() >= most:
            raise _crowded("Too many streams wait for their session.")
        if self._streams[client] >= of_one:
            raise _crowded("Too many of your streams wait for their session.")
        self._streams[client] += 1

    def leave(self, client: str) -> None:
        """Take a stream off the count of those that wait for their session."""
        self._streams[client] -= 1
        if not self._streams[client]:
            del self._streams[client]

    @contextmanager
    def waits(self, wait: asyncio.Timeout) -> Iterator[None]:
        """Note the wait for a hello while the block lasts, so that it can be ended when the gateway stops."""
        self._waits.add(wait)
        try:
            yield
        finally:
            self._waits.discard(wait)

    def end(self) -> None:
        """Ends the wait for each hello that has not come: the gateway is about to stop."""
        self.patience_seconds = _DRAINING_SECONDS
        for wait in self._waits:
            wait.reschedule(asyncio.get_running_loop().time())


class Greeting:
    """A stream until its session opens: `with` counts it among those that have none."""

    def __init__(self, greetings: Greetings, context: CallContext, client: str) -> None:
        self._greetings = greetings
        self._context = context
        self._client = client
        self._counted = False
        self._greeted = False  # its first message was read
        self._reading = False  # a read was given up: gRPC takes no other one beside it

    def __enter__(self) -> None:
        self._greetings.enter(self._client)
        self._counted = True

    def __exit__(self, *_: object) -> None:
        self.done()

    def done(self) -> None:
        """The stream has its session, or has ended."""
        if self._counted:
            self._counted = False
            self._greetings.leave(self._client)

    async def hello(self) -> pb.SessionConfig:
        """The hello that the stream starts with. Raises MeshError without one, or when it does not come."""
        try:
            async with asyncio.timeout(self._greetings.patience_seconds) as wait:
                with self._greetings.waits(wait):
                    first = await self._context.read()
        except TimeoutError:
            self._reading = True
            self._greetings.require_open()
            waited = f"No hello came for {self._greetings.patience_seconds:g} s."
            raise TooSlow("HELLO_TIMEOUT", waited, retry_after_ms=jittered(_RETRY_MS)) from None
        self._greeted = True
        if isinstance(first, pb.ClientMessage | Unreadable):
            message = readable(first)
            if message.WhichOneof("payload") == "hello":
                return message.hello
        expected = ["hello, before anything else"]
        raise InvalidArgument("HELLO_MISSING", "The stream does not start with a hello.", "hello", expected)

    async def refuse(self, refusal: MeshError) -> None:
        """Sends a refusal into the stream, and returns when the call may end with its status.

        A status that crosses a client's write can reach it as INTERNAL without details (grpc/grpc#36066): a client that
        goes on writing is given a moment to stop, unless there are too many of them.
        """
        await begin_answers(self._context)
        try:
            async with asyncio.timeout(_WRITTEN_SECONDS):
                await self._context.write(messages.error(refusal, fatal=True))
            if self._counted and not self._reading:
                await self._stopped()
        except TimeoutError:
            return

    async def _stopped(self) -> None:
        """Wait until the client has stopped writing, or is seen to be silent. Raises TimeoutError.

        A hello that was not waited for is still on its way.
        """
        if not self._greeted:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                if not isinstance(await self._context.read(), pb.ClientMessage | Unreadable):
                    return
        async with asyncio.timeout(SILENT_SECONDS):
            message = await self._context.read()
        async with asyncio.timeout(LAST_WORDS_SECONDS):
            while isinstance(message, pb.ClientMessage | Unreadable):
                message = await self._context.read()


def _crowded(message: str) -> AtCapacity:
    rpcs.refused("gateway", TOO_MANY_STREAMS)
    return AtCapacity(TOO_MANY_STREAMS, message, retry_after_ms=jittered(_RETRY_MS))
