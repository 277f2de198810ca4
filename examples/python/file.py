"""Translates a recording as if it were spoken now: captions on the terminal, speech into a WAV file for each language.

python file.py --from en --to es,pt --server localhost:7700 talk.mp4
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import wave
from collections import defaultdict
from pathlib import Path

import babelmesh


async def translate(recording: Path, source: str, targets: list[str], server: str, out: Path, speed: float) -> None:
    """Sends the recording at so many times real time (0: as fast as it is taken) and writes what comes back."""
    speech: dict[str, bytes] = defaultdict(bytes)
    rate = 24_000
    async with babelmesh.connect(server) as mesh, mesh.session(source, targets=targets) as session:
        async for event in session.translate(babelmesh.audio_file(recording, speed)):
            match event:
                case babelmesh.TranslationResult(final=True):
                    print(f"{event.target_lang}\t{event.text}", flush=True)
                case babelmesh.TtsChunk():
                    speech[event.target_lang] += event.data
                    rate = event.sample_rate
                case babelmesh.Error():
                    print(f"{event.code}: {event.message}", file=sys.stderr)
    for lang, pcm in speech.items():
        with wave.open(str(out / f"{lang}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(pcm)


def main() -> None:
    """Ends with status 1, and a line that says why, where the session fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--from", dest="source", default="en")
    parser.add_argument("--to", default="es")
    parser.add_argument("--server", default="localhost:7700")
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--speed", type=float, default=1.0)
    told = parser.parse_args()
    try:
        asyncio.run(translate(told.recording, told.source, told.to.split(","), told.server, told.out, told.speed))
    except babelmesh.BabelmeshError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
