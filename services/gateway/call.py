"""One Stream call's two directions: messages in, through a channel of one; messages out, from the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Never, TypeAlias

import grpc

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.channel import Channel
from services.common.errors import TooSlow
from services.common.server.reading import Unreadable, readable
from services.gateway.outbox import Outbox
from services.gateway.sizes import Inbound

CallContext: TypeAlias = "grpc.aio.ServicerContext[Inbound, pb.ServerMessage]"


class Pulse:
    """When the client was sent something last."""

    def __init__(self) -> None:
        self._at = 0.0

    def written(self) -> None:
        """Something was sent now."""
        self._at = asyncio.get_running_loop().time()

    async def keep(self, seconds: float, beat: Callable[[], Awaitable[None]]) -> Never:
        """Beats whenever nothing has been sent for so long."""
        clock = asyncio.get_running_loop().time
        while True:
            if (left := self._at + seconds - clock()) > 0:
                await asyncio.sleep(left)
            else:
                await beat()
                self.written()


@dataclass(slots=True)
class Call:
    """One Stream call."""

    inbound: Channel[Inbound]
    outbox: Outbox[pb.ServerMessage]
    tenant: str = ""
    refused: bool = True  # until its session is open
    pulse: Pulse = field(default_factory=Pulse)
    measure: Callable[[pb.ServerMessage], None] = lambda message: None  # what the session makes of each that was sent

    def written(self, message: pb.ServerMessage) -> None:
        """A message was sent."""
        self.pulse.written()
        self.measure(message)


async def read_all(context: CallContext, inbound: Channel[Inbound]) -> None:
    """Takes in messages as fast as they are dealt with, to the client's half-close."""
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


async def received(inbound: Channel[Inbound], idle_seconds: float) -> AsyncIterator[pb.ClientMessage]:
    """The client's messages. Raises TooSlow when none comes for long, InvalidArgument at one that is not readable."""
    while True:
        try:
            async with asyncio.timeout(idle_seconds):
                more = await inbound.wait()
        except TimeoutError as error:
            waited = f"No message came for {idle_seconds:g} s."
            raise TooSlow("IDLE_TIMEOUT", waited, retry_after_ms=1) from error
        if not more:
            return
        yield readable(await anext(inbound))


async def speaking(
    messages: AsyncIterator[pb.ClientMessage], spoke: Callable[[], None]
) -> AsyncIterator[pb.ClientMessage]:
    """The messages, and word of each."""
    async for message in messages:
        spoke()
        yield message


async def written(writing: asyncio.Task[None], seconds: float) -> None:
    """Waits for the last word to be written, but not for ever; then the call ends without a status of ours."""
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
    """Waits, but not for long, until the client has stopped writing.

    A status that crosses a client's write can reach it as INTERNAL without details (grpc/grpc#36066).
    """
    try:
        async with asyncio.timeout(seconds):
            async for _ in inbound:
                pass
    except TimeoutError:
        return
