"""One connection of a Wyoming client: its requests one behind another, each a session of the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.cancelling import TaskGroup, end_call, heed_cancellation
from services.common.errors import MeshError
from services.edge.compat.deltas import Appended
from services.edge.doors.entrance import Doors
from services.edge.doors.languages import usual_source
from services.edge.faults import Fault, fault_of_call, fault_told
from services.edge.fields import as_text
from services.edge.realtime.door import opened
from services.edge.upstream import Call, Caller, failure
from services.edge.wyoming.asked import VOICE_RATE, listening, program_info, speaking, translates
from services.edge.wyoming.framing import WyomingEvent, read_event

_IDLE_SECONDS = 60.0
_PIECE_BYTES = 6400  # of audio to the gateway
_FORM: Mapping[str, object] = {"rate": VOICE_RATE, "width": 2, "channels": 1}
Answer: TypeAlias = Callable[[AsyncIterator[pb.ServerMessage]], Awaitable[None]]
Ask: TypeAlias = Callable[[Call], Awaitable[None]]


class Left(Exception):
    """The client is gone, or reads nothing."""


@dataclass(slots=True)
class WyomingConnection:
    """Serves one client until it leaves."""

    doors: Doors
    caller: Caller
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    lang: str  # of the texts that it has spoken
    asked: Mapping[str, object] = field(default_factory=dict)  # the last `transcribe`

    async def serve(self) -> None:
        """Answer requests until the client leaves. Raises Left, and InvalidArgument for what is no event."""
        while event := await self._next():
            try:
                await self._answer(event)
            except (MeshError, Fault) as error:
                await self.send("error", text=error.message, code=error.code)

    async def _answer(self, event: WyomingEvent) -> None:
        """Answer one event; those that are not known are dropped, as the protocol wants it."""
        match event.type:
            case "describe":
                described = await self.doors.gateway.describe(self.caller)
                await self.send("info", **program_info(described, self.lang))
            case "ping":
                await self.send("pong", **event.data)
            case "transcribe":
                self.asked = event.data
            case "audio-start":
                await self._transcribe(event)
            case "synthesize" | "synthesize-start":
                await self._speak(event)

    async def _transcribe(self, start: WyomingEvent) -> None:
        described = await self.doors.gateway.describe(self.caller)
        config = listening(self.asked, start.data, usual_source(described))
        self.asked = {}
        lang = config.targets[0].lang

        async def tell(messages: AsyncIterator[pb.ServerMessage]) -> None:
            await self.send("transcript-start", language=lang)
            text, appended = "", Appended()
            async for message in messages:
                of = message.translation if translates(config) else message.asr
                if not of.segment_id:
                    continue
                if added := appended.delta(of.segment_id, of.text, of.stable_length, of.final, lang):
                    text += added
                    await self.send("transcript-chunk", text=added)
            await self.send("transcript", text=text, language=lang)
            await self.send("transcript-stop")

        await self._session(config, self._hear, tell)

    async def _hear(self, call: Call) -> None:
        """Pass on audio until its end."""
        while (event := await self._next()) and event.type != "audio-stop":
            if event.type == "audio-chunk":
                whole = len(event.payload) - len(event.payload) % 2
                for start in range(0, whole, _PIECE_BYTES):
                    data = event.payload[start : min(start + _PIECE_BYTES, whole)]
                    await call.write(pb.ClientMessage(audio=pb.AudioChunk(data=data)))
        if event is None:
            raise Left

    async def _speak(self, event: WyomingEvent) -> None:
        described = await self.doors.gateway.describe(self.caller)
        config = speaking(event.data.get("voice"), described, self.lang)
        streamed = event.type == "synthesize-start"
        text = "" if streamed else as_text(event.data.get("text"), "text")

        async def ask(call: Call) -> None:
            if streamed:
                await self._read_text(call)
            await call.write(pb.ClientMessage(text=pb.TextChunk(text=text, final=True)))

        async def tell(messages: AsyncIterator[pb.ServerMessage]) -> None:
            await self.send("audio-start", **_FORM)
            async for message in messages:
                if message.tts.data:
                    await self.send("audio-chunk", message.tts.data, **_FORM)
            await self.send("audio-stop")
            if streamed:
                await self.send("synthesize-stopped")

        await self._session(config, ask, tell)

    async def _read_text(self, call: Call) -> None:
        """Pass on pieces of text until their end; the whole text, which comes for servers of old, is left out."""
        while (event := await self._next()) and event.type != "synthesize-stop":
            if event.type == "synthesize-chunk":
                text = as_text(event.data.get("text"), "text")
                await call.write(pb.ClientMessage(text=pb.TextChunk(text=text)))
        if event is None:
            raise Left

    async def _session(self, config: pb.SessionConfig, ask: Ask, answer: Answer) -> None:
        """Hold a session of the gateway: ask it, and answer from what it sends. Raises Fault and Left."""
        with self.doors.clients.connected(self.caller.name):
            call = await opened(self.doors.gateway.stream(self.caller), config)
            try:
                async with TaskGroup() as tasks, aclosing(_messages(call)) as messages:
                    asking = tasks.create_task(_asked(call, ask))
                    await answer(messages)
                    asking.cancel()
            except BaseExceptionGroup as group:
                raise _first(group) from None
            finally:
                end_call(call)

    async def _next(self) -> WyomingEvent | None:
        """Return the next event; None where the client has left."""
        try:
            return await read_event(self.reader, _IDLE_SECONDS)
        except (TimeoutError, ConnectionError):
            return None

    async def send(self, kind: str, payload: bytes = b"", /, **data: object) -> None:
        """Send an event. Raises Left where the client is gone, or reads nothing."""
        if self.writer.is_closing():
            raise Left
        self.writer.write(WyomingEvent(kind, data, payload).encode())
        try:
            async with asyncio.timeout(self.doors.settings.client_stall_ms / 1000):
                await self.writer.drain()
        except (ConnectionError, TimeoutError):
            raise Left from None


async def _asked(call: Call, ask: Ask) -> None:
    """Ask, and say that this was all."""
    try:
        await ask(call)
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return  # it ended: what is read says why


async def _messages(call: Call) -> AsyncGenerator[pb.ServerMessage, None]:
    """Yield a session's messages. Raises Fault where it fails."""
    try:
        while isinstance(message := await call.read(), pb.ServerMessage):
            if message.error.fatal:
                raise fault_told(message.error)
            yield message
        if await call.code() is not grpc.StatusCode.OK:
            raise await failure(call)
    except grpc.aio.AioRpcError as error:
        heed_cancellation()
        raise fault_of_call(error) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what ended a session: that the client left, before anything that came of it."""
    left = group.subgroup(Left)
    found: BaseException = left or group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
