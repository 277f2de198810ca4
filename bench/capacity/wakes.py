"""What a wake-up costs beside the work it is for: caches are cold after a pause, in any process.

    python -m bench.capacity.wakes [--sessions 8] [--seconds 8] [--pairs 5]

The mesh of `bench.capacity.messages` is streamed messages of 100 ms, as sessions happen to send them, and all of them
at the same moments, in turns: what the second costs less is all that fewer wake-ups could save. Beside it stands what
the VAD takes for a block of three frames, one right after another and after pauses of 10 ms. Medians.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from statistics import median

import numpy as np

from bench.capacity.null_work import Arm, ours
from bench.measuring.processes import metered
from bench.measuring.report import Rows, finish
from bench.measuring.speech import talks
from services.asr.silero import FRAME_SAMPLES, Silero
from services.common.audio.pcm import ASR_RATE, Pcm

CHUNK_MS = 100
BLOCK_FRAMES, BLOCKS, PAUSE_SECONDS = 3, 200, 0.01


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=8, help="at once")
    parser.add_argument("--seconds", type=float, default=8.0, help="of speech in each session")
    parser.add_argument("--pairs", type=int, default=5, help="rounds of each kind")
    options = parser.parse_args()
    blocks = Rows("The VAD, ms of processor time a block", ("pause before it, ms", "ms"))
    for pause_seconds in (0.0, PAUSE_SECONDS):
        blocks.add(f"{1000 * pause_seconds:g}", 1000 * block_seconds(pause_seconds))
    sys.exit(not finish("wakes", [blocks, asyncio.run(together_table(options))], {}))


def block_seconds(pause_seconds: float) -> float:
    """Return the median processor time, in seconds, of a block of frames behind such a pause."""
    vad, spent = Silero(), []
    pcm = np.random.default_rng(0).integers(-1000, 1000, BLOCK_FRAMES * FRAME_SAMPLES, dtype=np.int16)
    for _ in range(BLOCKS):
        time.sleep(pause_seconds)
        began = time.thread_time()
        vad.probabilities(pcm)
        spent.append(time.thread_time() - began)
    return float(median(spent))


async def together_table(options: argparse.Namespace) -> Rows:
    """Return the mesh's processor time by when the sessions send."""
    spoken = talks(options.sessions, options.seconds)
    apart, together = list[float](), list[float]()
    async with ours("apart", options.sessions) as one, ours("together", options.sessions, together=True) as other:
        kinds = [(one, apart), (other, together)]
        for arm, _ in kinds:
            await arm.stream([spoken[0][: 3 * ASR_RATE]], CHUNK_MS)
        for number in range(options.pairs):
            for arm, spent in kinds if number % 2 else kinds[::-1]:
                spent.append(await spent_of(arm, spoken))
    table = Rows("CPU s a stream second", ("messages of all sessions", "the mesh"))
    table.add("as they come", f"{median(apart):.4f}")
    table.add("at the same moments", f"{median(together):.4f}")
    table.add("the second against the first", median(b / a for a, b in zip(apart, together, strict=True)))
    return table


async def spent_of(arm: Arm, spoken: Sequence[Pcm]) -> float:
    """Return the processor seconds of all processes for a second of a stream."""
    async with metered(arm.mesh) as usage:
        await arm.stream(spoken, CHUNK_MS)
    return sum(usage.cpu_seconds.values()) * ASR_RATE / sum(map(len, spoken))


if __name__ == "__main__":
    main()
