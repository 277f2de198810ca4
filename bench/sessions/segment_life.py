"""How much of the product runs for one chunk of speech until its caption is written, and for one sentence of 3 s.

    python -m bench.sessions.segment_life [--functions]

A mesh on scripted engines runs in this process. Counted are the functions, the files and the calls of our own code that
run in it: in the gateway's tasks, what it takes from `services/common` included, and in all tasks, those of the stages
included. The two are told apart by the context of their tasks. The chunk is one of a session that wants captions alone,
the sentence one that is also spoken.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Set
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeAlias

import grpc
import numpy as np

from bench.measuring.report import Goal, Rows, at_most, finish
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.server.lifecycle import running
from services.gateway.servicer import GatewayServicer
from services.gateway.settings import GatewaySettings
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings

RATE = 16_000
CHUNK_MS = 100
SPEECH_MS, SILENCE_MS = 3000, 1000
COUNTED = 3  # chunks with a caption, of which the one in the middle is told
NO_WORD_SECONDS = 0.1  # after which a chunk brings no caption
MOST_FUNCTIONS, MOST_FILES = 120, 20  # for a chunk until its caption is written

ROOT = Path(__file__).resolve().parent.parent.parent
GATEWAY = "services/gateway/"

Call: TypeAlias = "grpc.aio.StreamStreamCall[pb.ClientMessage, pb.ServerMessage]"

_side: ContextVar[str] = ContextVar("side", default="client")  # whose task it is that runs


@dataclass(slots=True)
class Trace:
    """The calls of our own functions that a side made."""

    calls: Counter[CodeType] = field(default_factory=Counter)

    def functions(self, folder: str = "") -> list[CodeType]:
        """The functions that ran, of the files below a folder, in the order of their files."""
        found = [code for code in self.calls if _path(code).startswith(folder)]
        return sorted(found, key=lambda code: (_path(code), code.co_firstlineno))

    def files(self, folder: str = "") -> list[str]:
        """The files that those functions are in, from the repository's root."""
        return sorted({_path(code) for code in self.functions(folder)})

    def stations(self, folder: str = "") -> list[str]:
        """The files with a coroutine that ran: those that hand a segment on, where others only reckon."""
        return sorted(
            {_path(code) for code in self.functions(folder) if code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)}
        )

    def count(self, folder: str = "") -> int:
        """How many calls there were, of generators and coroutines by their rounds."""
        return sum(self.calls[code] for code in self.functions(folder))


def _path(code: CodeType) -> str:
    return code.co_filename.removeprefix(f"{ROOT}/")


@contextmanager
def traced(idle: Set[asyncio.Task[Any]]) -> Iterator[dict[str, Trace]]:
    """Counts the calls of our own code within the block, in the tasks of each side: "gateway" and "stages".

    Left out are tasks that were there before any session: they watch the replicas and the loop, whatever is said.
    """
    traces, before = {"gateway": Trace(), "stages": Trace()}, sys.getprofile()
    own = f"{ROOT}/services/"

    def called(frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(own):
            return
        if (side := _side.get()) in traces and asyncio.current_task() not in idle:
            traces[side].calls[frame.f_code] += 1

    sys.setprofile(called)
    try:
        yield traces
    finally:
        sys.setprofile(before)


@asynccontextmanager
async def mesh() -> AsyncIterator[pb_grpc.RealtimeTranslateAsyncStub]:
    """A client of a gateway and its three stages, all in this process, on scripted engines."""
    shared: dict[str, Any] = {"engine": "scripted", "drain_seconds": 0}
    asr, mt, tts = AsrSettings(vad="energy", **shared), MtSettings(**shared), TtsSettings(**shared)
    async with AsyncExitStack() as stack:
        _side.set("stages")
        ports = [
            await stack.enter_async_context(running(servicer, settings))
            for servicer, settings in ((AsrServicer(asr), asr), (MtServicer(mt), mt), (TtsServicer(tts), tts))
        ]
        _side.set("gateway")
        names = ("asr_endpoints", "mt_endpoints", "tts_endpoints")
        endpoints: dict[str, Any] = {name: (f"127.0.0.1:{port}",) for name, port in zip(names, ports, strict=True)}
        settings = GatewaySettings(drain_seconds=0, **endpoints)
        port = await stack.enter_async_context(running(GatewayServicer(settings), settings))
        _side.set("client")
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        yield pb_grpc.RealtimeTranslateStub(channel)


@dataclass(slots=True)
class Client:
    """One session's client: it keeps what it is sent, and knows when that has ended for now."""

    call: Call
    messages: list[pb.ServerMessage] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Reads to the end of the call."""
        while isinstance(message := await self.call.read(), pb.ServerMessage):
            self.messages.append(message)
            self.came.set()

    async def until(self, kind: str, count: int) -> None:
        """Waits until so many messages of a kind have come."""
        while sum(each.WhichOneof("payload") == kind for each in self.messages) < count:
            self.came.clear()
            await self.came.wait()

    def seen(self, kind: str) -> int:
        """How many messages of a kind have come."""
        return sum(each.WhichOneof("payload") == kind for each in self.messages)

    async def passed(self, marker: str) -> None:
        """Waits until all before it has been dealt with: a ping comes back behind it."""
        before = self.seen("marker")
        await self.call.write(pb.ClientMessage(control=pb.Control(action="ping", marker=marker)))
        await self.until("marker", before + 1)


@asynccontextmanager
async def session(stub: pb_grpc.RealtimeTranslateAsyncStub, delivery: pb.Delivery.ValueType) -> AsyncIterator[Client]:
    """A session in one language and into another."""
    call: Call = stub.Stream()
    client = Client(call)
    sound = pb.AudioFormat(format="pcm16le", sample_rate=RATE)
    targets = [pb.Target(lang="es", delivery=delivery)]
    hello = pb.SessionConfig(source_lang="en", partial_results=True, input=sound, targets=targets)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client.read())
        await call.write(pb.ClientMessage(hello=hello))
        await client.until("ready", 1)
        yield client
        await call.done_writing()


def chunks(duration_ms: int, loud: bool) -> list[pb.ClientMessage]:
    """Audio that the scripted recognizer takes for speech, or for silence."""
    times = np.arange(RATE * CHUNK_MS // 1000) / RATE
    pcm = np.asarray(8000 * loud * np.sin(2 * np.pi * 440 * times), dtype="<i2").tobytes()
    message = pb.ClientMessage(audio=pb.AudioChunk(data=pcm))
    return [message] * (duration_ms // CHUNK_MS)


@dataclass(frozen=True, slots=True)
class Life:
    """What ran for a chunk until its caption was written, and for a sentence until all of it was sent; by side."""

    chunk: dict[str, Trace]
    sentence: dict[str, Trace]


async def measured() -> Life:
    """One sentence is said to warm up, and another one is counted; so is a chunk in the midst of a third."""
    async with mesh() as stub:
        idle = asyncio.all_tasks()
        async with session(stub, pb.DELIVERY_CAPTIONS_AND_SPEECH) as client:
            await _said(client, 1)
            with traced(idle) as sentence:
                await _said(client, 2)
        async with session(stub, pb.DELIVERY_CAPTIONS) as client:
            chunk = await _chunk(client, idle)
    return Life(chunk, sentence)


async def _said(client: Client, sentences: int) -> None:
    """Says a sentence, and waits until so many in all have been sent in whole."""
    for message in chunks(SPEECH_MS, loud=True) + chunks(SILENCE_MS, loud=False):
        await client.call.write(message)
    await client.until("latency", sentences)


async def _chunk(client: Client, idle: Set[asyncio.Task[Any]]) -> dict[str, Trace]:
    """What runs for a chunk in the midst of a sentence, which brings a transcript and a caption: of some, the usual."""
    (message,) = chunks(CHUNK_MS, loud=True)
    for _ in range(SPEECH_MS // CHUNK_MS // 2):
        await client.call.write(message)
    await client.passed("before")
    found: list[dict[str, Trace]] = []
    while len(found) < COUNTED:
        captions = client.seen("translation")
        with traced(idle) as traces:
            await client.call.write(message)
            try:
                async with asyncio.timeout(NO_WORD_SECONDS):
                    await client.until("translation", captions + 1)
            except TimeoutError:
                continue  # the recognizer heard no further word in it
        found.append(traces)
    return sorted(found, key=lambda each: len(each["gateway"].calls))[COUNTED // 2]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", action="store_true", help="name the functions as well as the files")
    args = parser.parse_args()
    life = asyncio.run(measured())
    table = Rows("Of our own code", ["what", "where", "functions", "files", "files that hand on", "calls"])
    for what, traces in (("a chunk until its caption", life.chunk), ("a sentence of 3 s", life.sentence)):
        own, whole = traces["gateway"], Trace(traces["gateway"].calls + traces["stages"].calls)
        for where, trace, folder in (
            ("the mesh in one process", whole, ""),
            ("the gateway's process", own, ""),
            ("services/gateway", own, GATEWAY),
        ):
            counted = (len(trace.functions(folder)), len(trace.files(folder)), len(trace.stations(folder)))
            table.add(what, where, *counted, trace.count(folder))
    chunk, sentence = life.chunk["gateway"], life.sentence["gateway"]
    tables = [table, _named("Files of a chunk", chunk, args.functions)]
    tables.append(_named("Files of a sentence", sentence, args.functions))
    goals: dict[str, Goal] = {
        "chunk.functions": at_most(len(chunk.functions()), MOST_FUNCTIONS),
        "chunk.files": at_most(len(chunk.files()), MOST_FILES),
    }
    sys.exit(0 if finish("segment_life", tables, goals) else 1)


def _named(title: str, trace: Trace, functions: bool) -> Rows:
    """The files of a trace, each with how many of its functions ran and how often, or each function."""
    table = Rows(title, ["file", "functions", "calls"])
    for path in trace.files():
        table.add(path, len(trace.functions(path)), trace.count(path))
        if functions:
            for code in trace.functions(path):
                table.add(f"  {code.co_qualname}:{code.co_firstlineno}", 1, trace.calls[code])
    return table


if __name__ == "__main__":
    main()
