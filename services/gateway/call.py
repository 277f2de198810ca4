"""One Stream call's two directions: messages in, through a channel of one; messages out, from the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeAlias

import grpc
from google.protobuf.message import DecodeError

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.channel import Channel
from services.common.errors import InvalidArgument, TooSlow
from services.gateway.outbox import Outbox

CallContext: TypeAlias = "grpc.aio.ServicerContext[Inbound, pb.ServerMessage]"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a message that could not be parsed. gRPC would end the call as INTERNAL, with a traceback."""


Inbound: TypeAlias = "pb.ClientMessage | Unreadable"


def parse(message: bytes) -> Inbound:
    """A client message from its bytes."""
    try:
        return pb.ClientMessage.FromString(message)
    except DecodeError:
        return Unreadable()


async def read_all(context: CallContext, inbound: Channel[Inbound]) -> None:
    """Takes in messages as fast as they are dealt with, to the client's half-close."""
    while isinstance(message := await context.read(), pb.ClientMessage | Unreadable):
        await inbound.put(message)
    await inbound.close()


async def write_all(context: CallContext, outbox: Outbox[pb.ServerMessage]) -> None:
    """Sends what is put into the outbox until it is closed.

    Not to be cancelled while the call may still get a status: gRPC cannot send one behind a write that was given up.
    """
    async for messages in outbox:
        for message in messages:
            await context.write(message)


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


def readable(message: Inbound) -> pb.ClientMessage:
    """The message, if it is one. Raises InvalidArgument."""
    if isinstance(message, Unreadable):
        accepted = ["a realtime.v1.ClientMessage, its text UTF-8"]
        raise InvalidArgument("UNREADABLE_MESSAGE", "The message cannot be parsed.", "payload", accepted)
    return message


async def written(writing: asyncio.Task[None], seconds: float) -> None:
    """Waits for the last word to be written, but not for ever; then the call ends without a status of ours."""
    try:
        async with asyncio.timeout(seconds):
            await writing
    except TimeoutError:
        return


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
