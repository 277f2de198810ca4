"""Shows translations of what is spoken into the microphone, as they grow; Ctrl-C ends it. Needs the extra `mic`.

python microphone.py --from en --to es --server localhost:7700
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import sounddevice

import babelmesh

RATE = 16_000
CHUNK_SAMPLES = RATE // 10
WAITING_CHUNKS = 50  # what a slow link may leave unsent: 5 s; beyond it the newest audio is dropped


async def microphone() -> AsyncIterator[babelmesh.Chunk]:
    """Yields the sound of the default input until Ctrl-C, each chunk with its place on the session's audio clock."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[babelmesh.Chunk | None] = asyncio.Queue(WAITING_CHUNKS + 1)  # and a place for the end
    recorded = 0

    def take(pcm: bytes) -> None:
        nonlocal recorded
        if waiting.qsize() < WAITING_CHUNKS:
            waiting.put_nowait(babelmesh.Chunk(pcm, recorded))
        recorded += len(pcm) // 2  # a chunk that is left out is a hole between offsets, which the server sees

    def recorded_there(pcm: Any, *_: Any) -> None:  # sounddevice calls it in a thread of its own
        loop.call_soon_threadsafe(take, bytes(pcm))

    loop.add_signal_handler(signal.SIGINT, waiting.put_nowait, None)
    with sounddevice.RawInputStream(
        samplerate=RATE, blocksize=CHUNK_SAMPLES, channels=1, dtype="int16", callback=recorded_there
    ):
        while (chunk := await waiting.get()) is not None:
            yield chunk
    loop.remove_signal_handler(signal.SIGINT)


async def translate(source: str, target: str, server: str) -> None:
    """Prints the growing translation of each segment on one line, until Ctrl-C."""
    wanted = babelmesh.SessionConfig(partial_results=True)
    captions = [babelmesh.Target(lang=target, delivery=babelmesh.DELIVERY_CAPTIONS)]
    async with babelmesh.connect(server) as mesh, mesh.session(source, targets=captions, config=wanted) as session:
        print("Speak; Ctrl-C ends it.", file=sys.stderr)
        async for event in session.translate(microphone()):
            if isinstance(event, babelmesh.TranslationResult):
                print(f"\r\033[K{event.text}", end="\n" if event.final else "", flush=True)


def main() -> None:
    """Ends with status 1, and a line that says why, where the session or the microphone fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", default="en")
    parser.add_argument("--to", default="es")
    parser.add_argument("--server", default="localhost:7700")
    told = parser.parse_args()
    try:
        asyncio.run(translate(told.source, told.to, told.server))
    except (babelmesh.BabelmeshError, sounddevice.PortAudioError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
