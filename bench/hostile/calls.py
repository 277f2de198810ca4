"""What those that do harm have in common: connections, the messages of the contract, and a count of what came back."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc

from bench.measuring.all_doors import NO_KEY, Key
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc

ROOMY = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
)
TENANT = (("x-tenant", "stranger"),)
ANSWER_SECONDS = 20.0
SIX = ("es", "fr", "de", "ca", "it", "pt")

Metadata: TypeAlias = tuple[tuple[str, str], ...]
GIVEN_UP = (grpc.aio.UsageError, asyncio.InvalidStateError, TimeoutError)


@dataclass(slots=True)
class Attack:
    """One case under way: where the mesh is, for how long, and what came back so far."""

    addresses: Mapping[str, str]
    seconds: float
    key: Key = NO_KEY
    came: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    metadata: Metadata = field(init=False)  # of its calls: who it is, as the mesh asks for it

    @property
    def left(self) -> float:
        """Seconds until it is to be over."""
        return self.began + self.seconds - asyncio.get_running_loop().time()

    def __post_init__(self) -> None:
        self.metadata = self.key.metadata("stranger") or TENANT

    def connection(self) -> grpc.aio.Channel:
        """A connection of its own to the gateway; whoever asks closes it."""
        return self.key.channel(self.addresses["gateway"], ROOMY)

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[grpc.aio.Channel]:
        """A connection of its own for the block."""
        async with self.connection() as channel:
            yield channel

    def opened(self, channel: grpc.aio.Channel) -> Any:
        """A call of the session rpc."""
        call = pb_grpc.RealtimeTranslateStub(channel).Stream(metadata=self.metadata)
        return Masked(call, self.key) if self.key.masks else call

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[Any]:
        """A call of the session rpc, on a connection of its own; whatever way it ends is counted, not raised."""
        async with self.channel() as channel:
            call = self.opened(channel)
            try:
                yield call
            except grpc.aio.AioRpcError as error:
                self.came[error.code().name] += 1
            except GIVEN_UP as error:
                self.came[type(error).__name__] += 1
            finally:
                call.cancel()

    async def read(self, call: Any) -> pb.ServerMessage | None:
        """The next answer, counted; None at the end."""
        async with asyncio.timeout(ANSWER_SECONDS):
            message = await call.read()
        if not isinstance(message, pb.ServerMessage):
            self.came[(await call.code()).name] += 1
            return None
        self.came[message.error.code or message.WhichOneof("payload") or "nothing"] += 1
        return message

    async def read_all(self, call: Any) -> None:
        """Counts answers to the end of the call."""
        with suppress(grpc.aio.AioRpcError, *GIVEN_UP):
            while await self.read(call):
                pass

    async def ask(self, request: pb.TranslateTextRequest) -> None:
        """Asks for one translation; how it ended is counted."""
        async with self.channel() as channel:
            try:
                await pb_grpc.RealtimeTranslateStub(channel).TranslateText(
                    request, timeout=ANSWER_SECONDS, metadata=self.metadata
                )
                self.came["OK"] += 1
            except grpc.aio.AioRpcError as error:
                self.came[error.code().name] += 1


Case: TypeAlias = Callable[[Attack], Awaitable[None]]


class Masked:
    """A call whose hello asks for masks."""

    def __init__(self, call: Any, key: Key) -> None:
        self._call = call
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    async def write(self, message: pb.ClientMessage) -> None:
        """Send a message; a hello with masks."""
        if message.WhichOneof("payload") == "hello":
            message = pb.ClientMessage.FromString(message.SerializeToString())
            self._key.agreed(message.hello)
        await self._call.write(message)


def hello(*langs: str, source: str = "en-US", **config: Any) -> pb.ClientMessage:
    """A hello for these targets; Spanish without any."""
    targets = [pb.Target(lang=lang) for lang in langs or ("es",)]
    return pb.ClientMessage(hello=pb.SessionConfig(source_lang=source, targets=targets, **config))


def sound(rate: int = 16_000, name: str = "pcm16le") -> pb.AudioFormat:
    """What audio is to come."""
    return pb.AudioFormat(format=name, sample_rate=rate)


def text(said: str, final: bool = True) -> pb.ClientMessage:
    """Typed text."""
    return pb.ClientMessage(text=pb.TextChunk(text=said, final=final))


def audio(data: bytes, **chunk: Any) -> pb.ClientMessage:
    """A chunk of audio."""
    return pb.ClientMessage(audio=pb.AudioChunk(data=data, **chunk))


def control(action: str, **rest: Any) -> pb.ClientMessage:
    """A command."""
    return pb.ClientMessage(control=pb.Control(action=action, **rest))


def tone(milliseconds: int) -> bytes:
    """A tone in 16-bit PCM of 16 kHz."""
    return array("h", (int(9_000 * math.sin(sample / 12)) for sample in range(16 * milliseconds))).tobytes()
