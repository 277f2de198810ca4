"""One Stream call's two directions: messages in, through a channel of one; messages out, from the outbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Never, Self, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.channel import Channel
from services.common.errors import InvalidArgument, TooSlow
from services.common.server.reading import Unreadable, reader, refusing, too_large
from services.gateway.outgoing.outbox import Outbox
from services.gateway.settings import GatewaySettings

CallContext: TypeAlias = "grpc.aio.ServicerContext[Inbound, pb.ServerMessage]"
BURST_SECONDS = 4.0  # of messages at the permitted rate may come at once: a resuming client repeats its last seconds
RECEIVED_BYTES = 512 * 1024  # of what a client may say it has of a session that it resumes
_REST_BYTES = 16 * 1024  # of all other fields of a message together
_UTF8_BYTES = 4  # of a code point, at most
# The first byte of a message that carries a kind, and what is at fault where that is too large.
_KINDS = {
    0x0A: ("hello", "hello", "MESSAGE_TOO_LARGE"),
    0x12: ("audio", "audio.data", "CHUNK_TOO_LARGE"),
    0x1A: ("text", "text.text", "TEXT_TOO_LONG"),
    0x22: ("control", "control", "MESSAGE_TOO_LARGE"),
}
_BY_NAME = {kind[0]: kind for kind in _KINDS.values()}
Inbound: TypeAlias = pb.ClientMessage | Unreadable


class Pulse:
    """When the client was sent something last."""

    def __init__(self) -> None:
        self.at = 0.0  # on the loop's clock

    async def keep(self, seconds: float, beat: Callable[[], Awaitable[None]]) -> Never:
        """Beats whenever nothing has been sent for so long."""
        clock = asyncio.get_running_loop().time
        while True:
            if (left := self.at + seconds - clock()) > 0:
                await asyncio.sleep(left)
            else:
                await beat()
                self.at = clock()


@dataclass(slots=True)
class Call:
    """One Stream call: its channel in, its outbox, and what is done with each message that was sent."""

    inbound: Channel[Inbound]
    outbox: Outbox[pb.ServerMessage]
    tenant: str = ""
    refused: bool = True  # until its session is open
    pulse: Pulse = field(default_factory=Pulse)
    measure: Callable[[pb.ServerMessage], None] = lambda message: None  # what the session makes of each that was sent

    def written(self, message: pb.ServerMessage) -> None:
        """Note that a message was sent: for the heartbeat, and for the session's measures."""
        self.pulse.at = asyncio.get_running_loop().time()
        self.measure(message)


async def read_all(context: CallContext, inbound: Channel[Inbound]) -> None:
    """Read messages as fast as they are dealt with, until the client half-closes."""
    while isinstance(message := await context.read(), pb.ClientMessage | Unreadable):
        await inbound.put(message)
    await inbound.close()


async def write_all(context: CallContext, call: Call) -> None:
    """Sends what is put into the outbox until it is closed.

    It may be cancelled while the call still gets a status only after `begin_answers`.
    """
    async for messages in call.outbox:
        for message in messages:
            await context.write(message)
            call.written(message)


async def watch_reader(outbox: Outbox[pb.ServerMessage], stall_seconds: float) -> None:
    """Raises TooSlow when the client has read nothing for long though there was something to read."""
    await outbox.stalled(stall_seconds)
    waited = f"The client has read nothing for {stall_seconds:g} s."
    raise TooSlow("CLIENT_TOO_SLOW", waited, retry_after_ms=1000)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a client may send a message, and must."""

    per_second: float  # at most: those beyond it are read later, and the client is held up
    idle_seconds: float  # a client that sends nothing for so long is gone
    spoke: Callable[[], None] = lambda: None  # called with the first message
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


async def received(inbound: Channel[Inbound], pace: Pace) -> AsyncIterator[pb.ClientMessage]:
    """The client's messages, no more a second than permitted.

    Raises TooSlow when none comes for long, InvalidArgument at one that is not readable.
    """
    left = burst = BURST_SECONDS * pace.per_second  # of messages, as in an `Allowance`
    at, spoken = pace.clock(), False
    while inbound or await inbound.wait(pace.idle_seconds):
        message = inbound.take()
        now = pace.clock()
        left, at = min(burst, left + (now - at) * pace.per_second) - 1.0, now
        if left < 0:
            await pace.sleep(-left / pace.per_second)
        if not spoken:
            spoken = True
            pace.spoke()
        if isinstance(message, Unreadable):
            raise message.refusal
        yield message
    if not inbound.closed:
        waited = f"No message came for {pace.idle_seconds:g} s."
        raise TooSlow("IDLE_TIMEOUT", waited, retry_after_ms=0)


async def written(writing: asyncio.Task[None], seconds: float) -> None:
    """Wait for the last message to be written, but not for ever; then the call ends without a status of ours."""
    try:
        async with asyncio.timeout(seconds):
            await writing
    except TimeoutError:
        return


async def refusable(inbound: Channel[Inbound], seconds: float) -> bool:
    """Whether a client that was refused is silent, as one is that waits for `ready`: it can have its status now."""
    try:
        async with asyncio.timeout(seconds):
            return not await inbound.wait()
    except TimeoutError:
        return True


async def half_closed(inbound: Channel[Inbound], seconds: float) -> None:
    """Wait, but not for long, until the client has stopped writing.

    A status that crosses a client's write can reach it as INTERNAL without details (grpc/grpc#36066).
    """
    try:
        async with asyncio.timeout(seconds):
            async for _ in inbound:
                pass
    except TimeoutError:
        return


@dataclass(frozen=True, slots=True)
class Sizes:
    """The most bytes of each kind of message."""

    hello: int
    audio: int
    text: int
    control: int
    request: int  # of TranslateText
    least: int = 0  # the smallest of them: a message as small is never too large

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self:
        """The bounds that follow from a gateway's settings."""
        glossary = settings.max_glossary_bytes + _REST_BYTES
        text = _UTF8_BYTES * settings.max_text_length + _REST_BYTES
        return cls(
            hello=glossary + RECEIVED_BYTES,
            audio=settings.max_chunk_bytes + _REST_BYTES,
            text=text,
            control=glossary,
            request=glossary + text,
            least=min(settings.max_chunk_bytes + _REST_BYTES, text, glossary),
        )

    @refusing
    def parse(self, message: bytes) -> Inbound:
        """Parse a client's message, unless it is larger than its kind may be."""
        first = _KINDS.get(message[0]) if message else None
        if len(message) <= self.least:
            refusal = None
        elif refusal := self._refusal(len(message), first):
            return refusal
        try:
            parsed = pb.ClientMessage.FromString(message)
        except DecodeError:
            accepted = ["a realtime.v1.ClientMessage, its text UTF-8"]
            refused = InvalidArgument("UNREADABLE_MESSAGE", "The message cannot be parsed.", "payload", accepted)
            return Unreadable(refused)
        if len(message) > self.least:  # the last of several kinds counts, and the first byte tells of the first
            refusal = self._refusal(len(message), _BY_NAME.get(parsed.WhichOneof("payload") or ""))
        return refusal or parsed

    def parse_request(self, message: bytes) -> pb.TranslateTextRequest | Unreadable:
        """A request of TranslateText from its bytes."""
        return reader(pb.TranslateTextRequest.FromString, self.request)(message)

    def _refusal(self, size_bytes: int, kind: tuple[str, str, str] | None) -> Unreadable | None:
        name, field, code = kind or ("hello", "payload", "MESSAGE_TOO_LARGE")
        most = int(getattr(self, name))
        return too_large(size_bytes, most, field, code) if size_bytes > most else None
