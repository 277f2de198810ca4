"""A replica of every stage at once, with switches, behind a connection that can be cut or held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import pytest

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from mesh.tts.v1 import tts_pb2, tts_pb2_grpc
from services.common.errors import AtCapacity, MeshError
from services.common.server.slots import ADMITTED
from services.common.statuses import to_status
from services.gateway.settings import GatewaySettings
from services.gateway.stages.stages import Stages
from services.gateway.values.stages import Question

TOLD_EVERY_SECONDS = 0.05
PIECE_SAMPLES = 160
WHOLE: list[int] = list(range(1, 20 * PIECE_SAMPLES + 1))  # a clause's speech: each sample tells its place


FULL = AtCapacity("AT_CAPACITY", "Full.", retry_after_ms=1)


class Wire:
    """Forwards connections to a port. `hold` leaves those there are open and forwards nothing more on them; `cut` ends
    them and refuses new ones.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._flows = asyncio.Event()
        self._flows.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        self._listener = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            self.cut()

    def hold(self) -> None:
        self._flows.clear()
        self._flows = asyncio.Event()  # of the connections to come
        self._flows.set()

    def cut(self) -> None:
        self._listener.close()
        for end in self._ends:
            end.transport.abort()

    async def mend(self) -> None:
        """Takes connections again, on the same port."""
        self._listener = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._ends |= {writer, back}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pump(reader, back, self._flows))
            tasks.create_task(_pump(there, writer, self._flows))
        self._ends -= {writer, back}


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, flows: asyncio.Event) -> None:
    try:
        while piece := await source.read(65_536):
            if flows.is_set():
                sink.write(piece)
                await sink.drain()
    except OSError:
        pass  # cut
    finally:
        sink.transport.abort()


@dataclass(eq=False)
class Replica:
    """Its switches, and what was asked of it."""

    name: str
    state: stage_pb2.State.ValueType = stage_pb2.STATE_SERVING
    total: int = 4
    used: int = 0
    queue_seconds: float = 0.0
    fill: float = 0.0
    silent: bool = False  # whether it tells its state no more
    refuses: MeshError | None = None
    answers: asyncio.Event = field(default_factory=asyncio.Event)  # calls wait for it
    begun: asyncio.Event = field(default_factory=asyncio.Event)  # set by each call
    asked: list[str] = field(default_factory=list)
    dies_of: str = ""  # a text that ends it
    pieces: int = 20  # of speech, after which it waits
    speaking: int = 0  # calls under way
    wire: Wire = field(default_factory=lambda: Wire(0))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.wire.port}"

    async def takes(self, text: str, context: Any) -> None:
        """What happens to every call."""
        self.asked.append(text)
        self.begun.set()
        if text and text == self.dies_of:
            self.wire.cut()
        if self.refuses:
            status = to_status(self.refuses)
            code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
            await context.abort(code, status.message, (("grpc-status-details-bin", status.SerializeToString()),))
        await self.answers.wait()


class Watched(stage_pb2_grpc.StageServicer):
    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def Watch(self, request: Any, context: Any) -> None:  # type: ignore[override]  # it writes
        while True:
            if not self._replica.silent:
                replica = self._replica
                told = stage_pb2.WatchResponse(
                    state=replica.state,
                    slots_total=replica.total,
                    slots_used=replica.used,
                    queue_seconds=replica.queue_seconds,
                    fill=replica.fill,
                )
                await context.write(told)
            await asyncio.sleep(TOLD_EVERY_SECONDS)

    async def Report(self, request: Any, context: Any) -> stage_pb2.ReportResponse:
        return stage_pb2.ReportResponse()


class Translator(mt_pb2_grpc.MtServicer):
    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def Describe(self, request: Any, context: Any) -> mt_pb2.DescribeResponse:
        return mt_pb2.DescribeResponse(engine="fake", version=self._replica.name)

    async def Translate(self, request: mt_pb2.TranslateRequest, context: Any) -> mt_pb2.TranslateResponse:
        await self._replica.takes(request.text, context)
        return mt_pb2.TranslateResponse(text=f"{request.text} by {self._replica.name}")


class Synthesizer(tts_pb2_grpc.TtsServicer):
    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def Describe(self, request: Any, context: Any) -> tts_pb2.DescribeResponse:
        return tts_pb2.DescribeResponse(engine="fake", version=self._replica.name)

    async def DescribePronunciation(self, request: Any, context: Any) -> tts_pb2.DescribePronunciationResponse:
        return tts_pb2.DescribePronunciationResponse()

    async def Synthesize(  # type: ignore[override]  # it writes
        self, request: tts_pb2.SynthesizeRequest, context: Any
    ) -> None:
        self._replica.speaking += 1
        try:
            await self._replica.takes(request.text, context)
            await self._speak(context)
        finally:
            self._replica.speaking -= 1

    async def _speak(self, context: Any) -> None:
        for number in range(len(WHOLE) // PIECE_SAMPLES):
            if number == self._replica.pieces:
                await asyncio.Event().wait()
            pcm = np.asarray(WHOLE[number * PIECE_SAMPLES :][:PIECE_SAMPLES], dtype="<i2").tobytes()
            await context.write(tts_pb2.SynthesizeResponse(pcm=pcm, sample_rate_hertz=16_000))


class Recognizer(asr_pb2_grpc.AsrServicer):
    """Admits everyone, and then says nothing."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def Recognize(self, request_iterator: Any, context: Any) -> None:  # type: ignore[override]  # it reads
        await context.read()
        await self._replica.takes("", context)
        await context.send_initial_metadata(((ADMITTED, "1"),))
        await asyncio.Event().wait()

    async def Describe(self, request: Any, context: Any) -> asr_pb2.DescribeResponse:
        return asr_pb2.DescribeResponse(engine="fake", version=self._replica.name, langs=["en"])


@asynccontextmanager
async def replica(name: str, answers: bool = True, **switches: Any) -> AsyncIterator[Replica]:
    fake = Replica(name, **switches)
    if answers:
        fake.answers.set()
    server = grpc.aio.server()
    stage_pb2_grpc.add_StageServicer_to_server(Watched(fake), server)
    mt_pb2_grpc.add_MtServicer_to_server(Translator(fake), server)
    tts_pb2_grpc.add_TtsServicer_to_server(Synthesizer(fake), server)
    asr_pb2_grpc.add_AsrServicer_to_server(Recognizer(fake), server)
    fake.wire = Wire(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    async with fake.wire.open():
        try:
            yield fake
        finally:
            await server.stop(None)


@asynccontextmanager
async def stages(*names: str, **settings: Any) -> AsyncIterator[tuple[Stages, list[Replica]]]:
    """The three stages behind one set of replicas."""
    async with AsyncExitStack() as stack:
        fakes = [await stack.enter_async_context(replica(name)) for name in names]
        where = tuple(fake.address for fake in fakes)
        endpoints = {f"{stage}_endpoints": where for stage in ("asr", "mt", "tts")}
        own = Stages(GatewaySettings(**{**endpoints, "watch_timeout_ms": 500, **settings}))
        await stack.enter_async_context(own.running())
        yield own, fakes


async def until(met: Callable[[], bool]) -> None:
    """Waits for what no event tells."""
    async with asyncio.timeout(60):
        while not met():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


def question(text: str, **rest: Any) -> Question:
    return Question(text, "en", "es", final=True, **rest)


def asked_first(fakes: list[Replica]) -> tuple[Replica, list[Replica]]:
    first = next(fake for fake in fakes if fake.asked)
    return first, [fake for fake in fakes if fake is not first]


async def fault_of(awaitable: Any) -> MeshError:
    with pytest.raises(MeshError) as raised:
        await awaitable
    return raised.value
