"""Servers that do null work, and the sessions that they are asked for: the arms of `bench.capacity.messages`."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import psutil

from babelmesh.local import supervisor
from bench.measuring.processes import SCRIPTED, LocalMesh, Variables, local_mesh
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.audio.pcm import ASR_RATE, Pcm

OUT_RATE = 24_000
NULL: Variables = {
    **SCRIPTED,
    "ASR_VAD": "silero",
    "ASR_SCRIPTED__WORD_MS": "200",
    "TTS_SCRIPTED__CHAR_MS": "22",  # a word and the mark of its language: as long as it was spoken
    "TTS_SCRIPTED__SAMPLE_RATE_HERTZ": str(OUT_RATE),
    "GATEWAY_MAX_SEGMENT_MS": "3000",
}
SERVER, CLIENT = (Path(__file__).with_name(f"pipecat_{each}.py") for each in ("server", "client"))
START_SECONDS, STOP_SECONDS = 60.0, 10.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back in one session; moments in seconds from its start."""

    first_word: float  # of a translation
    first_audio: float
    transcripts: int
    translations: int
    speech_seconds: float


@dataclass(frozen=True, slots=True)
class Arm:
    """A server under measurement, and how sessions are streamed into it: all at once, in messages of so many ms."""

    name: str
    mesh: LocalMesh
    stream: Callable[[Sequence[Pcm], int], Awaitable[list[Answered]]]


@asynccontextmanager
async def ours(
    name: str,
    sessions: int,
    checkout: Path | None = None,
    variables: Variables | None = None,
    together: bool = False,
) -> AsyncIterator[Arm]:
    """Have a mesh with null engines, of another checkout where one is named, its services told `variables` as well.

    `together`: its sessions send their messages at the same moments.
    """
    slots = {f"{stage}_SLOTS": str(2 * sessions) for stage in ("GATEWAY", "ASR")}
    async with (
        local_mesh({**NULL, **slots, **(variables or {})}, checkout) as mesh,
        grpc.aio.insecure_channel(mesh.address) as channel,
    ):
        stub = pb_grpc.RealtimeTranslateStub(channel)

        async def stream(spoken: Sequence[Pcm], chunk_ms: int) -> list[Answered]:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(session(stub, pcm, chunk_ms, together)) for pcm in spoken]
            return [task.result() for task in tasks]

        yield Arm(name, mesh, stream)


async def session(
    stub: pb_grpc.RealtimeTranslateAsyncStub, pcm: Pcm, chunk_ms: int, together: bool = False
) -> Answered:
    """Stream a recording at real pace. It uses what the contract's first version has, which every checkout knows.

    `together`: at the moments of all other such sessions.
    """
    loop = asyncio.get_running_loop()
    counts: Counter[str] = Counter()
    first: dict[str, float] = {}
    call = stub.Stream()
    await call.write(pb.ClientMessage(hello=pb.SessionConfig(source_lang="en", target_lang="es", partial_results=True)))
    await call.read()  # ready
    began = loop.time()
    if together:
        began = math.ceil(began * 1000 / chunk_ms) * chunk_ms / 1000

    async def read() -> None:
        while isinstance(message := await call.read(), pb.ServerMessage):
            kind = message.WhichOneof("payload") or ""
            if kind != "translation" or message.translation.text:
                first.setdefault(kind, loop.time() - began)
            counts[kind] += 1
            counts["samples"] += len(message.tts.data) // 2

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        size = ASR_RATE * chunk_ms // 1000
        for number, start in enumerate(range(0, len(pcm), size), start=1):
            await asyncio.sleep(max(0.0, began + number * chunk_ms / 1000 - loop.time()))
            chunk = pb.AudioChunk(data=pcm[start : start + size].tobytes(), sample_rate=ASR_RATE)
            await call.write(pb.ClientMessage(audio=chunk))
        await call.done_writing()
    speech_seconds = counts["samples"] / OUT_RATE
    return Answered(
        first.get("translation", 0.0), first.get("tts", 0.0), counts["asr"], counts["translation"], speech_seconds
    )


@asynccontextmanager
async def pipecat(name: str, python: str) -> AsyncIterator[Arm]:
    """Have a Pipecat process that does null work, in the environment of that interpreter."""
    [port] = supervisor.unused_ports(1)
    alone = {**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"}
    server = await asyncio.create_subprocess_exec(python, str(SERVER), str(port), env=alone)

    async def stream(spoken: Sequence[Pcm], chunk_ms: int) -> list[Answered]:
        with TemporaryDirectory(prefix="babelmesh-bench-") as folder:
            paths = [Path(folder) / f"{number}.pcm" for number in range(len(spoken))]
            for path, pcm in zip(paths, spoken, strict=True):
                path.write_bytes(pcm.tobytes())
            command = [python, str(CLIENT), str(port), str(chunk_ms), *map(str, paths)]
            client = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=alone)
            written, _ = await client.communicate()
        if client.returncode:
            sys.exit("The client of Pipecat failed; see above.")
        return [Answered(**json.loads(line)) for line in written.splitlines()]

    try:
        await _listens(port)
        address = f"{supervisor.HOST}:{port}"
        yield Arm(name, LocalMesh(address, {name: psutil.Process(server.pid)}), stream)
    finally:
        if server.returncode is None:
            server.terminate()
        await asyncio.wait_for(server.wait(), STOP_SECONDS)


async def _listens(port: int) -> None:
    """Wait until somebody listens there. Raises TimeoutError."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection(supervisor.HOST, port)
            except OSError:
                await asyncio.sleep(0.2)
            else:
                writer.close()
                return
