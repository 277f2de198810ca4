"""How late audio of other rates comes out at 16 kHz, and what that costs: ours, and soxr's standard quality beside it.

    python -m bench.audio.resampling [--chunk-ms 20] [--seconds 20]

*Late*: milliseconds of what was given that have not come out, after each chunk; the first second is left out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import soxr

from bench.measuring.report import Goal, Rows, at_most, finish
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.audio.resampling import Resampler

RATES = (8_000, 22_050, 44_100, 48_000)


def main() -> None:
    """Prints the table; ends with status 1 when a delay is over its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunk-ms", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=20)
    told = parser.parse_args()
    columns = ("from Hz", "by", "least late ms", "most late ms", "CPU µs per 100 ms")
    rows, goals = Rows("Audio of other rates, to 16 kHz", columns), dict[str, Goal]()
    for rate in RATES:
        for name, convert in (("ours", Resampler(rate, ASR_RATE).convert), ("soxr HQ", _soxr(rate))):
            late, cost = measured(convert, rate, told.chunk_ms, told.seconds)
            rows.add(rate, name, min(late), max(late), cost)
            if name == "ours":
                goals[f"resampling.late_ms.{rate}"] = at_most(max(late), 30.0)
    sys.exit(not finish("resampling", [rows], goals))


def measured(convert: Callable[[Pcm], Pcm], rate: int, chunk_ms: int, seconds: int) -> tuple[list[float], float]:
    """Milliseconds late after each chunk, and microseconds of processor time for 100 ms of audio."""
    noise = np.random.default_rng(1).integers(-9_000, 9_000, seconds * rate).astype(np.int16)
    size = rate * chunk_ms // 1000
    given, late, spent = 0, [], 0.0
    for start in range(0, len(noise) - size, size):
        began = time.process_time()
        given += len(convert(noise[start : start + size]))
        spent += time.process_time() - began
        if start >= rate:
            late.append(1000 * ((start + size) / rate - given / ASR_RATE))
    return late, 1e6 * spent * 0.1 / seconds


def _soxr(rate: int) -> Callable[[Pcm], Pcm]:
    stream = soxr.ResampleStream(rate, ASR_RATE, 1, dtype="int16")

    def convert(pcm: Pcm) -> Pcm:
        converted: Pcm = stream.resample_chunk(pcm)
        return converted

    return convert


if __name__ == "__main__":
    main()
