"""Plays sequences on a mesh, and says what of their calls should not have been."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from realtime.v1 import realtime_translate_pb2 as pb
from tests.fuzz.mesh import Mesh
from tests.fuzz.sequences import STREAM, Await, Call, CallSequence, Ending, Pause, Reading, Resume, Send, Step
from tests.fuzz.values import HANDLE, SESSION
from tests.mesh.mesh import Heard
from tests.mesh.resuming import received

STEP_SECONDS = 5.0  # a write waits while the server does not read
SLOWEST_SECONDS = 20.0  # of all steps
END_SECONDS = 30.0  # from a half-close to the end of the call, at most
AWAIT_SECONDS = 1.0
RAW_SECONDS = 0.3
NUMBER = re.compile(r"\d+")

# INTERNAL of gRPC's own: a status that crosses a write is lost on the way (grpc/grpc#36066), and this side's library
# says so of a call that was over before it had begun.
OF_THE_LIBRARY = ("Received RST_STREAM", "Internal error from Core")

# What writing to a call raises that is over.
GONE = (grpc.aio.AioRpcError, grpc.aio.UsageError, grpc.aio.InternalError, asyncio.InvalidStateError)

OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
ALONE = (*OPTIONS, ("grpc.use_local_subchannel_pool", 1))


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that must not be."""

    numbers: range  # of the sequences, one of which it is of
    kind: str  # in few words, the same for the same cause
    about: str  # what was seen

    @property
    def title(self) -> str:
        """The kind without its numbers."""
        return NUMBER.sub("N", self.kind)

    @property
    def again(self) -> str:
        """The option that plays it again."""
        last = f"-{self.numbers[-1]}" if len(self.numbers) > 1 else ""
        return f"--only {self.numbers[0]}{last}"


@dataclass(frozen=True, slots=True)
class Oddity:
    """What was odd about a call: its kind, and what was seen."""

    kind: str
    about: str


@dataclass(slots=True)
class Memory:
    """What a stranger remembers from one call to the next."""

    heard: Heard = field(default_factory=Heard)
    handle: str = ""
    session: str = ""

    def got(self, message: pb.ServerMessage) -> None:
        """Keeps what a later call may need."""
        self.heard.messages.append(message)
        if message.HasField("ready"):
            self.session = message.ready.session_id
        kind = message.WhichOneof("payload")
        self.handle = getattr(getattr(message, kind), "resume", "") or self.handle if kind else self.handle

    def resuming(self, step: Resume) -> bytes:
        """The hello of a step, with what came put into it."""
        hello = pb.ClientMessage.FromString(step.data)
        if hello.hello.resume_handle == HANDLE:
            hello.hello.resume_handle = self.handle
        if hello.hello.received.session_id == SESSION:
            hello.hello.received.session_id = self.session
            if step.echo and self.heard.of("ready"):
                came = received(self.heard)
                came.clock_ms = hello.hello.received.clock_ms
                hello.hello.received.MergeFrom(came)
        return hello.SerializeToString()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call may take to end, and where its service waits once it has taken longer."""

    seconds: float
    waiting: Callable[[], Awaitable[str]]


@dataclass(slots=True)
class Player:
    """Plays sequences on one mesh."""

    mesh: Mesh
    end_seconds: float = END_SECONDS
    channels: dict[str, grpc.aio.Channel] = field(default_factory=dict)

    async def close(self) -> None:
        """Closes the connections."""
        for channel in self.channels.values():
            await channel.close()
        self.channels.clear()

    async def play(self, sequence: CallSequence) -> list[Fault]:
        """Plays all calls of a sequence; what was wrong with them."""
        if not sequence.together:
            memory = Memory()
            return [fault for call in sequence.calls for fault in await self._call(sequence.number, call, memory)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._call(sequence.number, call, Memory())) for call in sequence.calls]
        return [fault for task in tasks for fault in task.result()]

    async def _call(self, number: int, call: Call, memory: Memory) -> list[Fault]:
        if not call.method:
            await _written(self.mesh.addresses[call.service], call.steps)
            return []
        own = call.ending is Ending.DROP
        channel = self._channel(call.service, own)
        try:
            made: Any = channel.stream_stream(call.method)(
                metadata=call.metadata or None,
                timeout=call.deadline_ms / 1000 or None,
                compression=grpc.Compression.Gzip if call.gzip else None,
            )
            odd = await _played(made, call, memory, self._patience(call.service))
            where = range(number, number + 1)
            return [Fault(where, f"{each.kind} at {call.service}{call.method}", each.about) for each in odd]
        finally:
            if own:
                await channel.close()

    def _patience(self, service: str) -> Patience:
        return Patience(self.end_seconds, partial(self.mesh.waiting, service))

    def _channel(self, service: str, own: bool) -> grpc.aio.Channel:
        address = self.mesh.addresses[service]
        if own:
            return grpc.aio.insecure_channel(address, options=ALONE)
        if service not in self.channels:
            self.channels[service] = grpc.aio.insecure_channel(address, options=OPTIONS)
        return self.channels[service]


async def _written(address: str, steps: Sequence[Step]) -> None:
    """Writes to a connection without gRPC, waits a moment for whatever comes, and closes it."""
    host, _, port = address.rpartition(":")
    with suppress(OSError, TimeoutError):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            for step in steps:
                if isinstance(step, Send):
                    writer.write(step.data)
            async with asyncio.timeout(RAW_SECONDS):
                await writer.drain()
                await reader.read()
        finally:
            writer.close()


async def _played(made: Any, call: Call, memory: Memory, patience: Patience) -> list[Oddity]:
    """Does the steps of a call, leaves it, and waits for its end."""
    reader = _Reader(made, memory, call.method == STREAM)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(reader.run())
        with suppress(*GONE, TimeoutError):
            async with asyncio.timeout(SLOWEST_SECONDS):
                await _do(made, call.steps, reader, memory)
        with suppress(*GONE):
            if call.ending is Ending.HALF_CLOSE:
                await made.done_writing()
            elif call.ending is not Ending.SILENCE:
                made.cancel()
        reader.going.set()
        done, _ = await asyncio.wait({reading}, timeout=patience.seconds)
        if not done:
            waiting = await patience.waiting()
            made.cancel()
            return [Oddity(f"no end after {call.ending.value}", f"not within {patience.seconds:g} s: {waiting}")]
    return reader.odd


async def _do(made: Any, steps: Sequence[Step], reader: _Reader, memory: Memory) -> None:
    for step in steps:
        match step:
            case Send(data):
                async with asyncio.timeout(STEP_SECONDS):
                    await made.write(data)
            case Resume():
                async with asyncio.timeout(STEP_SECONDS):
                    await made.write(memory.resuming(step))
            case Await():
                with suppress(TimeoutError):
                    async with asyncio.timeout(AWAIT_SECONDS):
                        await reader.more.wait()
            case Reading(on):
                (reader.going.set if on else reader.going.clear)()
            case Pause(milliseconds):
                await asyncio.sleep(milliseconds / 1000)


class _Reader:
    """Reads the answers of a call to its end, unless it is told to stop for a while."""

    def __init__(self, made: Any, memory: Memory, parses: bool) -> None:
        self.going = asyncio.Event()
        self.going.set()
        self.more = asyncio.Event()
        self.odd: list[Oddity] = []
        self._made = made
        self._memory = memory
        self._parses = parses

    async def run(self) -> None:
        """Returns with the end of the call."""
        try:
            while True:
                await self.going.wait()
                data = await self._made.read()
                if data is grpc.aio.EOF:
                    break
                self._got(data)
        except GONE:
            pass  # the status says what there is to say
        self.more.set()
        self._judge(await self._made.code(), await self._made.details() or "", await self._made.trailing_metadata())

    def _got(self, data: bytes) -> None:
        self.more.set()
        if not self._parses:
            return
        try:
            message = pb.ServerMessage.FromString(data)
        except DecodeError:
            self.odd.append(Oddity("an answer that cannot be parsed", data[:80].hex()))
            return
        self._memory.got(message)
        if message.error.code in ("DEFECT", "INTERNAL"):
            self.odd.append(Oddity(f"in-band {message.error.code}", message.error.message))

    def _judge(self, code: grpc.StatusCode, details: str, trailers: Any) -> None:
        if code not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN) or details.startswith(OF_THE_LIBRARY):
            return
        self.odd.append(Oddity(f"{code.name} {_reason(trailers) or details[:60]}", details[:300]))


def _reason(trailers: Any) -> str:
    """The code of ours that a status carries."""
    info = error_details_pb2.ErrorInfo()
    for key, value in trailers or ():
        if key == "grpc-status-details-bin":
            status = rpc_status.status_pb2.Status.FromString(value)  # type: ignore[attr-defined]  # it imports it
            for detail in status.details:
                if detail.Unpack(info):
                    return str(info.reason)
    return ""
