"""What three hops between processes add to a segment: the mesh of four processes, and the same in one process.

    python -m bench.capacity.hops [--segments 12] [--pairs 5]

Both are sent the same made-up speech at real pace, one session after the other, in turns. Engines are scripted, and
compute for as long as small ones on a GPU do. Latency is from a segment's last sample to its first speech, as the
ledger tells. A segment passes three stages; what is added a hop is the difference of the 90th percentiles by three.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median

import grpc

from bench.measuring.processes import SCRIPTED, local_mesh
from bench.measuring.report import Goal, Rows, at_most, finish, percentile
from bench.sessions.segment_life import chunks
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc

ENGINES = {
    **SCRIPTED,
    "MT_CACHE_ENTRIES": "0",  # in both arms: what is said is said again and again
    "ASR_VAD": "energy",
    "ASR_SCRIPTED__COMPUTE_MS": "10",
    "MT_SCRIPTED__COMPUTE_MS": "30",
    "TTS_SCRIPTED__COMPUTE_MS": "20",
}
HOPS, SPEECH_MS, SILENCE_MS, CHUNK_MS = 3, 1200, 900, 100
MESH, ONE = "four processes", "one process"


def main() -> None:
    """Print the table; end with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=12, help="in each session")
    parser.add_argument("--pairs", type=int, default=5, help="sessions of each arm")
    options = parser.parse_args()
    found = asyncio.run(measured(options.segments, options.pairs))
    table = Rows("From a segment's last sample to its first speech, ms", ("arm", "segments", "p50", "p90"))
    for name, sessions in found.items():
        every = [each for session in sessions for each in session]
        table.add(name, len(every), percentile(every, 0.5), percentile(every, 0.9))
    sys.exit(not finish("hops", [table], goals(found)))


def goals(found: dict[str, list[list[float]]]) -> dict[str, Goal]:
    """C2: the median of the pairs' ratios, and what is added a hop."""
    pairs = zip(found[MESH], found[ONE], strict=True)
    ratio = median(median(mesh) / median(one) for mesh, one in pairs)
    tails = {name: percentile([each for one in own for each in one], 0.9) or 0.0 for name, own in found.items()}
    return {
        "C2.latency": at_most(ratio, 1.05),
        "C2.hop_p90_ms": at_most((tails[MESH] - tails[ONE]) / HOPS, 2.65),
    }


async def measured(segments: int, pairs: int) -> dict[str, list[list[float]]]:
    """The latencies of each session of each arm, in milliseconds."""
    found: dict[str, list[list[float]]] = {MESH: [], ONE: []}
    async with AsyncExitStack() as open_for:
        mesh = await open_for.enter_async_context(local_mesh(ENGINES))
        addresses = {MESH: mesh.address, ONE: await open_for.enter_async_context(one_process())}
        stubs = {}
        for name, address in addresses.items():
            channel = await open_for.enter_async_context(grpc.aio.insecure_channel(address))
            stubs[name] = pb_grpc.RealtimeTranslateStub(channel)
            await session(stubs[name], 1)
        for number in range(pairs):
            for name in (MESH, ONE) if number % 2 else (ONE, MESH):
                found[name].append(await session(stubs[name], segments))
                print(f"{number + 1}: {name} {median(found[name][-1]):.0f} ms", file=sys.stderr, flush=True)
    return found


async def session(stub: pb_grpc.RealtimeTranslateAsyncStub, segments: int) -> list[float]:
    """Say so many segments at real pace, and return the latency of each."""
    loop = asyncio.get_running_loop()
    call = stub.Stream()
    await call.write(pb.ClientMessage(hello=pb.SessionConfig(source_lang="en", target_lang="es", partial_results=True)))
    await call.read()  # ready
    latencies: list[float] = []

    async def read() -> None:
        while isinstance(message := await call.read(), pb.ServerMessage):
            if message.WhichOneof("payload") == "latency":
                latencies.append(float(message.latency.first_audio_ms - message.latency.captured_ms))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        began = loop.time()
        said = (chunks(SPEECH_MS, loud=True) + chunks(SILENCE_MS, loud=False)) * segments
        for number, message in enumerate(said, start=1):
            await asyncio.sleep(max(0.0, began + number * CHUNK_MS / 1000 - loop.time()))
            await call.write(pb.ClientMessage(audio=pb.AudioChunk(data=message.audio.data, sample_rate=16_000)))
        await call.done_writing()
    return latencies


@asynccontextmanager
async def one_process() -> AsyncIterator[str]:
    """Have a gateway and its stages in one process, and yield the gateway's address."""
    own = {name: value for name, value in ENGINES.items() if name.startswith(("ASR_", "MT_", "TTS_"))}
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "bench.capacity.one_process")
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env={**os.environ, **own})
    assert child.stdin is not None, "it has a pipe"
    assert child.stdout is not None, "likewise"
    try:
        port = int(await asyncio.wait_for(child.stdout.readline(), 60))
        yield f"127.0.0.1:{port}"
    finally:
        child.stdin.close()
        await asyncio.wait_for(child.wait(), 30)


if __name__ == "__main__":
    main()
