"""Streams recordings into a running WhisperLiveKit at real pace and writes what came back: run by `peers`.

    PYTHON bench/sessions/peer_client.py ADDRESS FILE.pcm...

Each file is 16 kHz mono 16-bit PCM and a session of its own, all at once. Needs the package websockets alone, so it
runs in the environment of the server. The answer is one line of JSON: for each file a list of [seconds, settled text,
all text], and whether the server said that it was through with it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import websockets

RATE, CHUNK_SECONDS = 16_000, 0.1
PATIENCE_SECONDS = 45.0  # after the last of the audio


async def session(address: str, pcm: bytes) -> tuple[list[tuple[float, str, str]], bool]:
    """The states of one session's text, each with the seconds since the first sample was spoken."""
    loop = asyncio.get_running_loop()
    states: list[tuple[float, str, str]] = []
    async with websockets.connect(f"ws://{address}/asr", max_size=None) as socket:
        started = loop.time()

        async def read() -> None:
            async for message in socket:
                told = json.loads(message)
                if told.get("type") == "ready_to_stop":
                    return
                settled = " ".join(each["text"] for each in told.get("lines", ()) if each.get("text")).strip()
                shown = f"{settled} {told.get('buffer_transcription') or ''}".strip()
                if shown and (not states or states[-1][1:] != (settled, shown)):
                    states.append((loop.time() - started, settled, shown))

        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read())
            size = 2 * int(RATE * CHUNK_SECONDS)
            for number, start in enumerate(range(0, len(pcm), size), start=1):
                await asyncio.sleep(max(0.0, started + number * CHUNK_SECONDS - loop.time()))
                await socket.send(pcm[start : start + size])
            await socket.send(b"")
            done, _ = await asyncio.wait({reading}, timeout=PATIENCE_SECONDS)
            reading.cancel()
    return states, bool(done)


async def run(address: str, talks: Sequence[bytes]) -> None:
    """Run the sessions and write their states."""
    sessions = await asyncio.gather(*(session(address, pcm) for pcm in talks))
    sys.stdout.write(json.dumps(sessions) + "\n")


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], [Path(path).read_bytes() for path in sys.argv[2:]]))
