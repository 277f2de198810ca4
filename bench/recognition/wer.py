"""Word error rate and speed of the recognition stage on recorded prompts.

    python bench/recognition/wer.py PROMPTS.jsonl [--sounds DIR] [--one-session | --without-pauses]

A line of PROMPTS.jsonl has `id`, the name of a sound file without its suffix, and `text`. The stage runs in this
process, with VAD and endpointing, on the engine `ASR_ENGINE` names; audio comes as fast as it is taken. Each prompt is
a session of its own, cold, unless `--one-session` joins them all, with a second of silence between, or
`--without-pauses` without any and with the pauses within them cut out: a speaker who never stops.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import av
import grpc
import jiwer
import numpy as np

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from services.asr.pauses import Pauses
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.asr.silero import FRAME_SAMPLES, Silero
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.server.lifecycle import running

CHUNK_SAMPLES = ASR_RATE // 10
PAUSE = np.zeros(ASR_RATE, dtype=np.int16)
SILENCE = 0.35  # a frame less likely to be speech than this
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A recording and what is said in it."""

    name: str
    text: str
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the stage made of a session."""

    text: str
    segments: int
    longest_ms: int
    corrected: int
    seconds: float


def main() -> None:
    """Prints the table; ends with status 1 when a prompt came out empty."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("--sounds", type=Path, help="folder of the .g722 files; by default Debian's is looked for")
    parser.add_argument("--one-session", action="store_true", help="all prompts in one session")
    parser.add_argument("--without-pauses", action="store_true", help="all in one session, and no silence in it")
    options = parser.parse_args()
    prompts = read_prompts(options.prompts, options.sounds or find_sounds())
    if options.one_session:
        prompts = [joined(prompts, [part for prompt in prompts for part in (prompt.pcm, PAUSE)])]
    elif options.without_pauses:
        prompts = [joined(prompts, [without_pauses(prompt.pcm) for prompt in prompts])]
    outcomes = asyncio.run(recognize_all(prompts))
    print_table(prompts, outcomes)
    raise SystemExit(any(not outcome.text for outcome in outcomes))


def find_sounds() -> Path:
    """The folder of Debian's asterisk-core-sounds-en-g722."""
    for found in sorted(Path("/usr/share/asterisk/sounds").glob("en*/demo-congrats.g722")):
        return found.parent
    raise SystemExit("No sounds found: install asterisk-core-sounds-en-g722, or name a folder with --sounds.")


def read_prompts(path: Path, sounds: Path) -> list[Prompt]:
    """The prompts of a file, with their audio."""
    entries = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [Prompt(entry["id"], entry["text"], read_g722(sounds / f"{entry['id']}.g722")) for entry in entries]


def read_g722(path: Path) -> Pcm:
    """The samples of a raw G.722 file."""
    with av.open(str(path), format="g722") as container:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])


def joined(prompts: list[Prompt], parts: list[Pcm]) -> Prompt:
    """All prompts as one."""
    return Prompt("all in one", " ".join(prompt.text for prompt in prompts), np.concatenate(parts))


def without_pauses(pcm: Pcm) -> Pcm:
    """Without its silences; of those too short to be pauses nothing is taken."""
    kept: list[Pcm] = []
    silent: list[Pcm] = []
    whole = len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES
    likely = [*Silero().probabilities(pcm[:whole]), 0.0]
    for number, start in enumerate(range(0, len(pcm), FRAME_SAMPLES)):
        frame = pcm[start : start + FRAME_SAMPLES]
        if likely[number] < SILENCE:
            silent.append(frame)
            continue
        kept += [*(silent if len(silent) * FRAME_SAMPLES < Pauses.SHORTEST_SAMPLES else []), frame]
        silent = []
    return np.concatenate(kept)


async def recognize_all(prompts: list[Prompt]) -> list[Outcome]:
    """One session for each prompt, one after the other."""
    settings = AsrSettings(listen="127.0.0.1:0")
    async with running(AsrServicer(settings), settings) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:
        stub = asr_pb2_grpc.AsrStub(to)
        return [await recognize(stub, prompt.pcm) for prompt in prompts]


async def recognize(stub: asr_pb2_grpc.AsrAsyncStub, pcm: Pcm) -> Outcome:
    """One session, with a second of silence before and after, so that its ends are no special case."""
    started = time.perf_counter()
    finals = [
        answer.result
        async for answer in stub.Recognize(requests(np.concatenate((PAUSE, pcm, PAUSE))))
        if answer.HasField("result") and answer.result.final
    ]
    text = " ".join(final.text for final in finals)
    longest = max((final.end_samples - final.start_samples for final in finals), default=0)
    corrected = sum(final.corrected for final in finals)
    return Outcome(text, len(finals), longest * 1000 // ASR_RATE, corrected, time.perf_counter() - started)


async def requests(pcm: Pcm) -> AsyncIterator[asr_pb2.RecognizeRequest]:
    """A session's messages."""
    yield asr_pb2.RecognizeRequest(config=asr_pb2.RecognizeConfig(lang="en-US", interim_results=True))
    for start in range(0, len(pcm), CHUNK_SAMPLES):
        chunk = asr_pb2.AudioChunk(pcm=pcm[start : start + CHUNK_SAMPLES].tobytes(), offset_samples=start)
        yield asr_pb2.RecognizeRequest(audio=chunk)


def normalized(text: str) -> str:
    """Lower case, no punctuation, digits as words."""
    words = re.sub("[^a-z0-9' ]", " ", text.lower()).split()
    return " ".join(NUMBERS[int(word)] if word.isdigit() and len(word) == 1 else word for word in words)


def print_table(prompts: list[Prompt], outcomes: list[Outcome]) -> None:
    """One line a prompt, then the sum."""
    print(f"{'prompt':<34}{'audio s':>8}{'WER':>8}{'RTF':>7}{'segments':>10}{'longest ms':>12}{'corrected':>11}")
    for prompt, outcome in zip(prompts, outcomes, strict=True):
        seconds = len(prompt.pcm) / ASR_RATE
        error = jiwer.wer(normalized(prompt.text), normalized(outcome.text))
        rest = f"{outcome.seconds / seconds:>7.3f}{outcome.segments:>10}{outcome.longest_ms:>12}{outcome.corrected:>11}"
        print(f"{prompt.name:<34}{seconds:>8.1f}{error:>8.3f}{rest}")
    error = jiwer.wer([normalized(prompt.text) for prompt in prompts], [normalized(each.text) for each in outcomes])
    seconds = sum(len(prompt.pcm) for prompt in prompts) / ASR_RATE
    took = sum(outcome.seconds for outcome in outcomes)
    segments, corrected = sum(each.segments for each in outcomes), sum(each.corrected for each in outcomes)
    longest = max(each.longest_ms for each in outcomes)
    print(f"{'all':<34}{seconds:>8.1f}{error:>8.3f}{took / seconds:>7.3f}{segments:>10}{longest:>12}{corrected:>11}")
    print(f"empty: {sum(not outcome.text for outcome in outcomes)} of {len(outcomes)}")
    machine = platform.processor() or platform.machine()
    print(f"machine: {machine}, {os.cpu_count()} CPUs, Python {platform.python_version()}")


if __name__ == "__main__":
    main()
