"""A whole mesh in one process, on scripted engines, and a raw client of it as a test drives it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
import numpy as np

from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.errors import MeshError
from services.common.grpc_options import BOUNDED_WINDOW
from services.common.server.lifecycle import running
from services.common.statuses import from_rpc_error
from services.gateway.servicer import GatewayServicer
from services.gateway.settings import GatewaySettings
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings

RATE = 16_000
Call: TypeAlias = "grpc.aio.StreamStreamCall[pb.ClientMessage, pb.ServerMessage]"


def loud(seconds: float) -> bytes:
    """Audio the scripted recognizer takes for speech."""
    times = np.arange(round(RATE * seconds)) / RATE
    return np.asarray(8_000 * np.sin(2 * np.pi * 440 * times), dtype="<i2").tobytes()


def quiet(seconds: float) -> bytes:
    return bytes(2 * round(RATE * seconds))


UTTERANCE = loud(2.0) + quiet(1.0)


class Address(str):
    """Where a gateway's clients call; `operators` is where those do who run it."""

    operators: str

    def __new__(cls, clients: str, operators: str) -> Address:
        address = super().__new__(cls, clients)
        address.operators = operators
        return address


@asynccontextmanager
async def gateway(**settings: Any) -> AsyncIterator[pb_grpc.RealtimeTranslateAsyncStub]:
    """A client of a mesh, given as in `gateway_address`."""
    async with (
        gateway_address(**settings) as address,
        grpc.aio.insecure_channel(address, options=BOUNDED_WINDOW) as channel,
    ):
        yield pb_grpc.RealtimeTranslateStub(channel)


@asynccontextmanager
async def gateway_address(
    asr: dict[str, Any] | None = None,
    mt: dict[str, Any] | None = None,
    tts: dict[str, Any] | None = None,
    asr_slots: int = 8,
    stages: dict[str, Any] | None = None,
    tts_settings: dict[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Address]:
    """A mesh's address.

    `asr`, `mt` and `tts` are options of the scripted engines, `stages` settings of all, `tts_settings` more of one; the
    rest is the gateway's.
    """
    shared: dict[str, Any] = {"engine": "scripted", "drain_seconds": 0, **(stages or {})}
    for_asr = AsrSettings(vad="energy", slots=asr_slots, scripted=asr or {}, **shared)
    for_mt = MtSettings(scripted=mt or {}, **shared)
    for_tts = TtsSettings(scripted=tts or {}, **shared, **(tts_settings or {}))
    async with AsyncExitStack() as stack:
        endpoints = {}
        for name, servicer, stage_settings in (
            ("asr_endpoints", AsrServicer(for_asr), for_asr),
            ("mt_endpoints", MtServicer(for_mt), for_mt),
            ("tts_endpoints", TtsServicer(for_tts), for_tts),
        ):
            port = await stack.enter_async_context(running(servicer, stage_settings))
            endpoints[name] = (f"127.0.0.1:{port}",)
        own = GatewaySettings(**{"drain_seconds": 0, **endpoints, **settings})
        yield await stack.enter_async_context(serving(own))


@asynccontextmanager
async def serving(settings: GatewaySettings) -> AsyncIterator[Address]:
    """A gateway of these settings, which are to name its stages."""
    servicer = GatewayServicer(settings)
    async with running(servicer, settings) as port:
        assert servicer.replica.edge
        yield Address(f"127.0.0.1:{port}", servicer.replica.edge.operations)


def hello(*targets: str | pb.Target, **config: Any) -> pb.ClientMessage:
    wanted = [pb.Target(lang=target) if isinstance(target, str) else target for target in targets]
    spoken = pb.AudioFormat(format="pcm16le", sample_rate=RATE)
    defaults: dict[str, Any] = {"source_lang": "en", "partial_results": True, "input": spoken, "targets": wanted}
    return pb.ClientMessage(hello=pb.SessionConfig(**{**defaults, **config}))


def audio(pcm: bytes, **chunk: Any) -> pb.ClientMessage:
    return pb.ClientMessage(audio=pb.AudioChunk(data=pcm, **chunk))


def text(words: str, final: bool = False) -> pb.ClientMessage:
    return pb.ClientMessage(text=pb.TextChunk(text=words, final=final))


def control(action: str, **rest: Any) -> pb.ClientMessage:
    return pb.ClientMessage(control=pb.Control(action=action, **rest))


def chunks(pcm: bytes, seconds: float = 0.1) -> list[pb.ClientMessage]:
    size = 2 * round(RATE * seconds)
    return [audio(pcm[start : start + size]) for start in range(0, len(pcm), size)]


@dataclass
class Heard:
    """All a client got, in order, and how the call ended."""

    messages: list[pb.ServerMessage] = field(default_factory=list)
    fault: MeshError | None = None
    more: asyncio.Event = field(default_factory=asyncio.Event)  # set with each message

    async def until(self, kind: str, count: int) -> None:
        """Waits until the client has got so many messages of a kind."""
        async with asyncio.timeout(60):
            while len(self.of(kind)) < count:
                self.more.clear()
                await self.more.wait()

    def of(self, kind: str) -> list[Any]:
        """The messages of one kind."""
        return [getattr(each, kind) for each in self.messages if each.WhichOneof("payload") == kind]

    def finals(self, lang: str) -> list[str]:
        """The final translations into a language, in the order they came."""
        return [each.text for each in self.of("translation") if each.final and each.target_lang == lang]

    def transcripts(self) -> list[str]:
        return [each.text for each in self.of("asr") if each.final]

    def speech(self, lang: str) -> list[pb.TtsChunk]:
        return [each for each in self.of("tts") if each.target_lang == lang]

    def error(self) -> pb.Error:
        """The one fatal error."""
        (error,) = [each for each in self.of("error") if each.fatal]
        assert isinstance(error, pb.Error)
        return error


async def read_into(heard: Heard, call: Call) -> None:
    """Reads to the end of the call."""
    try:
        while isinstance(message := await call.read(), pb.ServerMessage):
            heard.messages.append(message)
            heard.more.set()
        if await call.code() is not grpc.StatusCode.OK:
            details = await call.details()
            raise grpc.aio.AioRpcError(
                await call.code(), await call.initial_metadata(), await call.trailing_metadata(), details
            )
    except grpc.aio.AioRpcError as error:
        heard.fault = from_rpc_error(error, "GATEWAY")


async def talk(stub: pb_grpc.RealtimeTranslateAsyncStub, *messages: pb.ClientMessage) -> Heard:
    """Sends the messages as fast as they are taken, half-closes, and hears all there is."""
    heard = Heard()
    call: Call = stub.Stream()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_into(heard, call))
        try:
            for message in messages:
                await call.write(message)
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the server has ended the call; the reader knows why
    return heard
