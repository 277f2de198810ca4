"""A mesh of four processes on small neural models, and sessions that end in every way that panels show."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import grpc

from babelmesh.client.audio import CHUNK_MS, Pace
from babelmesh.local import supervisor
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from tests.e2e.test_neural import ONNX
from tests.mesh.mesh import Heard, audio, chunks, hello, quiet, read_into
from tests.models.asr.utterances import SPOKEN, utterance

SLOTS = 4
CHUNK_BYTES = 3200  # 100 ms
FROZEN_SECONDS = 3.0  # long enough to be missed
TOLD: Mapping[str, Mapping[str, str]] = {
    "gateway": {"GATEWAY_SLOTS": str(SLOTS)},
    "asr": {"ASR_SLOTS": str(SLOTS - 1)},  # so that a stage refuses, too
    "tts": {"TTS_STALLED_SECONDS": "0"},  # it would not outlive being frozen, on a busy machine
}
SAID = b"".join(utterance(text).tobytes() + quiet(1) for text in SPOKEN)


@asynccontextmanager
async def eventful(folder: Path) -> AsyncIterator[Sequence[str]]:
    """Has the mesh busy for the block, which gets the addresses of its metrics."""
    ports, admin = supervisor.free_ports(), supervisor.unused_ports(4)
    services = []
    for service, port in zip(supervisor.mesh_services(ports, ONNX), admin, strict=True):
        own = {f"{service.name.upper()}_ADMIN": f"127.0.0.1:{port}"}
        services.append(replace(service, variables={**service.variables, **own, **TOLD.get(service.name, {})}))
    async with (
        supervisor.running(services, folder) as started,
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.gateway}") as channel,
        asyncio.TaskGroup() as tasks,
    ):
        stub = pb_grpc.RealtimeTranslateStub(channel)
        voice = next(each.child.pid for each in started if each.service.name == "tts")
        busy = [
            tasks.create_task(_sessions(stub)),
            tasks.create_task(_outages(voice)),
            tasks.create_task(_breaking(stub)),
        ]
        yield [f"127.0.0.1:{port}" for port in admin]
        for each in busy:
            each.cancel()
        os.kill(voice, signal.SIGCONT)


async def _sessions(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    """More at once than there are slots, again and again; every other time they leave audio out."""
    skipping = [*chunks(SAID), audio(SAID[:CHUNK_BYTES], offset_samples=len(SAID))]
    for messages in cycle((chunks(SAID), skipping)):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(SLOTS + 1):
                tasks.create_task(_spoken(stub, [hello("es"), *messages]))
        await asyncio.sleep(0.5)  # whoever is refused at once does not ask at once


async def _spoken(stub: pb_grpc.RealtimeTranslateAsyncStub, messages: Sequence[pb.ClientMessage]) -> None:
    """At the pace of speech: for what comes faster nobody waits, so that its waits are not measured."""
    heard, call, pace = Heard(), stub.Stream(), Pace(1.0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_into(heard, call))
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # it was refused
            for message in messages:
                if message.HasField("audio"):
                    await pace.hold(CHUNK_MS)
                await call.write(message)
            await call.done_writing()


async def _outages(pid: int) -> None:
    """The voice freezes now and then."""
    while True:
        await asyncio.sleep(12.0)
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(FROZEN_SECONDS)
        os.kill(pid, signal.SIGCONT)


async def _breaking(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    """Clients that go away in the middle."""
    while True:
        call = stub.Stream()
        for message in (hello("es"), *chunks(SAID[: len(SAID) // 2])):
            await call.write(message)
        call.cancel()
        await asyncio.sleep(4.0)
