"""Words that recognizers make up where nobody speaks: in silence, noise, hum, a tone, and music.

    python -m bench.recognition.silence [--seconds 60] [--engines default|small]

Each recognizer of the set hears so many seconds of each sound, as a session does: through voice detection and
endpointing. It then hears the same without them, six seconds at a time as if all of it were speech, which is what a
detector that is mistaken gives it. Music is made here, and that of asterisk-moh-opsound-g722 too where it is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.measuring.report import Rows, at_most, finish
from bench.recognition.offline import hear, rules_of, started
from bench.recognition.wer import read_g722
from bench.sessions import engines
from services.asr.engine import Endpoint, Engine, Heard, Speech
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE, Pcm

SEGMENT_SAMPLES = 6 * ASR_RATE
CHUNK_SAMPLES = ASR_RATE // 10
MUSIC = Path("/usr/share/asterisk/moh")
LOUD = 6_000.0  # amplitude
TUNE = (0, 4, 7, 12, 7, 4, 5, 9, 12, 9, 5, 2)  # semitones above the first note
NOTE_SECONDS = 0.35

Floats = npt.NDArray[np.float64]


def main() -> None:
    """Print the table; end with status 1 when a word was made up in a session."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="of each sound")
    engines.add_option(parser)
    options = parser.parse_args()
    os.environ.update(engines.stages(options.engines).get("asr", {}))
    table = Rows("Where nobody speaks", ("recognizer", "sound", "seconds", "words", "words if taken for speech"))
    made_up = asyncio.run(measured(sounds(options.seconds), table))
    if made_up is None:
        sys.exit("Skipped: the small recognizer writes words in whatever is taken for speech; measure another.")
    sys.exit(not finish("silence", [table], {"N.silence": at_most(made_up, 0)}))


async def measured(heard: Mapping[str, Pcm], table: Rows) -> int | None:
    """Fill the table, and count the words of sessions; None where no recognizer was measured."""
    names = [name for name in AsrSettings().engine.split("+") if name != "embedded"]
    words = 0
    for name in names:
        settings = AsrSettings(engine=name)
        async with started(settings) as engine:
            for sound, pcm in heard.items():
                segments = await hear(engine, pcm, rules_of(settings), settings)
                counted = sum(len(segment.final) for segment in segments)
                table.add(name, sound, len(pcm) // ASR_RATE, counted, await alone(engine, pcm))
                words += counted
    return words if names else None


async def alone(engine: Engine, pcm: Pcm) -> int:
    """How many words a recognizer finds in sound that is all given to it as speech."""

    async def speech() -> AsyncIterator[Heard]:
        for first in range(0, len(pcm), SEGMENT_SAMPLES):
            for start in range(first, min(len(pcm), first + SEGMENT_SAMPLES), CHUNK_SAMPLES):
                yield Speech(pcm[start : start + CHUNK_SAMPLES], start, waiting_samples=len(pcm))
            yield Endpoint()

    found = [each async for each in engine.recognize(speech(), engine.languages[0]) if each.final]
    return sum(len(hypothesis.words) for hypothesis in found)


def sounds(seconds: int) -> dict[str, Pcm]:
    """The sounds, mono 16 kHz, by name."""
    time = np.arange(seconds * ASR_RATE) / ASR_RATE
    noise = np.random.default_rng(7).standard_normal(len(time))
    made: dict[str, Floats] = {
        "silence": np.zeros(len(time)),
        "noise": noise * LOUD / 4,
        "hum": LOUD / 2 * np.sum([np.sin(2 * np.pi * 50 * n * time) / n for n in (1, 2, 3)], axis=0),
        "tone": LOUD * np.sin(2 * np.pi * 1_000 * time),
        "music": tune(time),
    }
    found = {name: sound.clip(-32_767, 32_767).astype(np.int16) for name, sound in made.items()}
    for path in sorted(MUSIC.glob("*.g722"))[:2]:
        found[f"music, {path.stem}"] = read_g722(path)[: seconds * ASR_RATE]
    return found


def tune(time: Floats) -> Floats:
    """A melody over a bass, each note with overtones and a decay, and a beat of noise."""
    note = (time / NOTE_SECONDS).astype(int)
    since = time - note * NOTE_SECONDS
    hertz = 220 * 2 ** (np.array(TUNE)[note % len(TUNE)] / 12)
    melody = sum(np.sin(2 * np.pi * hertz * n * since) / n**1.5 for n in range(1, 7)) * np.exp(-4 * since)
    bass = np.sin(2 * np.pi * hertz / 4 * since) * np.exp(-2 * since)
    beat = np.random.default_rng(9).standard_normal(len(time)) * np.exp(-40 * since) * (note % 2)
    played: Floats = LOUD * (0.6 * melody + 0.4 * bass + 0.2 * beat)
    return played


if __name__ == "__main__":
    main()
