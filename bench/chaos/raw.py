"""The public contract by hand, for what the client package would not do: stop reading, or come with a bad handle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import grpc

from babelmesh.client.errors import from_rpc_error
from babelmesh.client.events import AudioChunk, ClientMessage, ServerMessage, SessionConfig
from babelmesh.client.gateways import CHANNEL_OPTIONS
from bench.chaos import speech
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from services.common.audio.pcm import ASR_RATE

if TYPE_CHECKING:
    Call: TypeAlias = grpc.aio.StreamStreamCall[ClientMessage, ServerMessage]

ANSWER_SECONDS = 10.0


@asynccontextmanager
async def call(address: str, hello: SessionConfig) -> AsyncIterator[Call]:
    """A call that has said hello, on a connection of its own."""
    async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        made: Call = RealtimeTranslateStub(channel).Stream()
        try:
            await made.write(ClientMessage(hello=hello))
            yield made
        finally:
            made.cancel()


async def answer(made: Call) -> ServerMessage | None:
    """The next message; None when the call has ended."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            message = await made.read()
    except grpc.aio.AioRpcError:
        return None
    return message if isinstance(message, ServerMessage) else None


async def ended(made: Call) -> str:
    """Reads to the end of a call; the code it ended with, empty for a good end."""
    try:
        while isinstance(await made.read(), ServerMessage):
            pass
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error, "", started=True).code
    return ""


async def speak(made: Call, speaker: int, start_samples: int = 0) -> AsyncIterator[int]:
    """Sends a speaker's audio in real time, from an offset on; yields the offset it has come to."""
    count, began, position = speech.samples(speech.CHUNK_MS), time.monotonic(), start_samples
    while True:
        await asyncio.sleep(max(0.0, began + (position + count - start_samples) / ASR_RATE - time.monotonic()))
        data = speech.chunk(speaker, position, count)
        await made.write(ClientMessage(audio=AudioChunk(data=data, offset_samples=position)))
        position += count
        yield position
