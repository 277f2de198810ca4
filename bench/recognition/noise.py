"""Word error rate of final transcripts in noise: babble and white noise, each mixed with the same recordings.

    python -m bench.recognition.noise CORPUS.jsonl [--decibels 10] [--engines default|small] [--out DIR]

The recordings go through a mesh of its own as fast as it takes them, each in a session of its own. Babble is made of
other recordings of asterisk-core-sounds-en-g722 than those of the corpus; `--out` leaves the mixtures as WAV files.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path

import jiwer
import numpy as np

import babelmesh
from bench.measuring.corpus import Recording, read_corpus
from bench.measuring.mixing import mixed, noises
from bench.measuring.processes import local_mesh
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.measuring.take import Take, captions, take
from bench.recognition.wer import find_sounds, normalized, read_g722
from bench.sessions import engines
from services.common.audio.pcm import ASR_RATE, Pcm

CLEAN = "none"
BOUNDS = {"babble": 0.12, "white": 0.14}
BABBLE_RECORDINGS = 40
LEAST_BYTES = 3 * 8_000  # three seconds; G.722 is 64 kbit/s
AT_ONCE = 2


def main() -> None:
    """Print the table; end with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--decibels", type=float, default=10.0, help="of speech above the noise")
    parser.add_argument("--out", type=Path, help="folder for the mixtures")
    engines.add_option(parser)
    options = parser.parse_args()
    recordings = read_corpus(options.corpus, None, ["es"])
    speech = {CLEAN: [each.pcm for each in recordings]}
    for name, noise in noises(others(recordings)).items():
        speech[name] = [mixed(each.pcm, noise, options.decibels) for each in recordings]
        if options.out:
            leave(options.out / name, recordings, speech[name])
    heard = asyncio.run(recognized(speech, engines.flat(options.engines)))
    errors = {name: word_error_rate(recordings, takes) for name, takes in heard.items()}
    table = Rows(f"Noise {options.decibels:g} dB below the speech", ("noise", "WER of finals", "empty"))
    for name, takes in heard.items():
        table.add(name, errors[name], sum(not each.transcript.strip() for each in takes))
    sys.exit(not finish("noise", [table], goals(errors)))


def others(recordings: Sequence[Recording]) -> list[Pcm]:
    """Recordings of the same package that are not in the corpus."""
    names = {each.name for each in recordings}
    paths = sorted(path for path in find_sounds().glob("*.g722") if path.stat().st_size >= LEAST_BYTES)
    return [read_g722(path) for path in paths if path.stem not in names][:BABBLE_RECORDINGS]


async def recognized(speech: Mapping[str, Sequence[Pcm]], variables: Mapping[str, str]) -> dict[str, list[Take]]:
    """What the mesh heard, by noise, in the order of the recordings."""
    places = asyncio.Semaphore(AT_ONCE)
    async with local_mesh(variables) as mesh, babelmesh.connect(mesh.address) as client:

        async def one(pcm: Pcm) -> Take:
            async with places:
                quiet = np.zeros(ASR_RATE, dtype=np.int16)
                return await take(client, np.concatenate((pcm, quiet)), captions(["es"]), speed=0)

        async with asyncio.TaskGroup() as group:
            tasks = {name: [group.create_task(one(pcm)) for pcm in each] for name, each in speech.items()}
    return {name: [task.result() for task in each] for name, each in tasks.items()}


def word_error_rate(recordings: Sequence[Recording], takes: Sequence[Take]) -> float:
    """Over all words of all recordings."""
    said = [normalized(each.text) for each in recordings]
    return float(jiwer.wer(said, [normalized(each.transcript) for each in takes]))


def goals(errors: Mapping[str, float]) -> dict[str, Goal]:
    """N2: what noise may cost."""
    return {f"N2.{name}": at_most(errors[name], bound) for name, bound in BOUNDS.items()}


def leave(folder: Path, recordings: Sequence[Recording], speech: Sequence[Pcm]) -> None:
    """Write the mixtures as WAV files."""
    folder.mkdir(parents=True, exist_ok=True)
    for each, pcm in zip(recordings, speech, strict=True):
        with wave.open(str(folder / f"{each.name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(ASR_RATE)
            file.writeframes(pcm.tobytes())


if __name__ == "__main__":
    main()
