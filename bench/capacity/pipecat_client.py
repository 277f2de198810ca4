"""Streams recordings into `pipecat_server` at real pace: run by `bench.capacity.messages` in the same environment.

    PYTHON bench/capacity/pipecat_client.py PORT CHUNK_MS FILE.pcm...

Each file is 16 kHz mono 16-bit PCM and a session of its own, all at once. The answer is a line of JSON for each:
seconds to the first translation and to the first speech, how many transcripts and translations came, and how many
seconds of speech.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

import pipecat.frames.protobufs.frames_pb2 as frames
import websockets

RATE = 16_000


async def session(port: int, chunk_ms: int, pcm: bytes) -> dict[str, float]:
    """What came back of one recording."""
    loop = asyncio.get_running_loop()
    counts: Counter[str] = Counter()
    first: dict[str, float] = {}
    async with websockets.connect(f"ws://127.0.0.1:{port}/ws", max_size=None) as socket:
        began = loop.time()

        async def read() -> None:
            async for message in socket:
                frame = frames.Frame.FromString(message)
                kind = frame.WhichOneof("frame")
                if kind == "message":
                    kind = json.loads(frame.message.data).get("type", kind)
                first.setdefault(kind, loop.time() - began)
                counts[kind] += 1
                if kind == "audio":
                    counts["samples"] += len(frame.audio.audio) // 2

        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read())
            size = 2 * RATE * chunk_ms // 1000
            for number, start in enumerate(range(0, len(pcm), size), start=1):
                await asyncio.sleep(max(0.0, began + number * chunk_ms / 1000 - loop.time()))
                chunk = frames.AudioRawFrame(audio=pcm[start : start + size], sample_rate=RATE, num_channels=1)
                await socket.send(frames.Frame(audio=chunk).SerializeToString())
            await asyncio.sleep(1.0)
            reading.cancel()
    return {
        "first_word": first.get("translation", 0.0),
        "first_audio": first.get("audio", 0.0),
        "transcripts": counts["transcript"],
        "translations": counts["translation"],
        "speech_seconds": counts["samples"] / 24_000,
    }


async def run(port: int, chunk_ms: int, talks: list[bytes]) -> None:
    """Run the sessions and write what came of each."""
    for done in await asyncio.gather(*(session(port, chunk_ms, pcm) for pcm in talks)):
        sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), [Path(path).read_bytes() for path in sys.argv[3:]]))
