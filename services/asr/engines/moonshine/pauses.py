"""Finds quiet places in a window of speech: where to cut, and where no words lie. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.common.audio.pcm import ASR_RATE, Pcm

FRAME_SAMPLES = ASR_RATE // 50  # 20 ms
_FULL_SCALE = 32_768
_QUIET = 0.05  # of the level of loud frames: quiet,
_QUIET_IN_NOISE = 0.35  # or so much of it, where noise hides what is quieter,
_OVER_NOISE = 2.0  # and a frame is no louder than so many times the noise
_LEAST_LEVEL = 1e-4  # of full scale: quieter is silence wherever it is


@dataclass(frozen=True, slots=True)
class CutRules:
    """The rules for cutting a window at a pause. Lengths are in samples."""

    least_samples: int  # before the cut, and of the window altogether twice as much
    pause_samples: int  # of quiet around it
    after_samples: int  # behind the pause: the next words have begun


def quiet(pcm: Pcm) -> NDArray[np.bool_]:
    """Return for each whole frame of 20 ms whether it is quiet compared with the loud frames of the same audio."""
    frames = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES).astype(np.float32)
    if not len(frames):
        return np.zeros(0, np.bool_)
    levels = np.sqrt(np.mean(np.square(frames), axis=1)) / _FULL_SCALE
    noise, loud = np.percentile(levels, (10, 90))
    most = min(max(_QUIET * loud, _OVER_NOISE * noise), _QUIET_IN_NOISE * loud)
    return np.asarray(levels <= max(most, _LEAST_LEVEL))


def cut(pcm: Pcm, rules: CutRules) -> int:
    """Return the offset in the middle of the last pause at which the window may be cut; 0 when there is none."""
    if len(pcm) < 2 * rules.least_samples:
        return 0
    for start, end in reversed(_runs(quiet(pcm))):
        middle = (start + end) // 2
        behind = len(pcm) - end
        if end - start >= rules.pause_samples and behind >= rules.after_samples and middle >= rules.least_samples:
            return middle
    return 0


def quietest(pcm: Pcm, first: int, last: int) -> int:
    """Return the offset of the quietest frame's middle between two offsets: where to cut speech without a pause."""
    starts = range(first, max(first + 1, last - FRAME_SAMPLES), FRAME_SAMPLES)
    levels = [float(np.mean(np.square(pcm[start : start + FRAME_SAMPLES].astype(np.float32)))) for start in starts]
    return starts[int(np.argmin(levels))] + FRAME_SAMPLES // 2


def spread(lengths: list[int], pcm: Pcm) -> list[tuple[int, int]]:
    """Return the start and end of words, in samples, when they share the audio that is not quiet by their letter
    counts.
    """
    voiced = np.repeat(~quiet(pcm), FRAME_SAMPLES)
    places = np.flatnonzero(voiced) if voiced.any() else np.arange(len(pcm))
    shares = np.concatenate(([0.0], np.cumsum(lengths, dtype=np.float64))) / max(1, sum(lengths))
    marks = np.round(shares * len(places)).astype(int)
    return [
        (int(places[min(first, len(places) - 1)]), int(places[max(first, end - 1)]) + 1)
        for first, end in pairwise(marks)
    ]


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and end, in samples, of each run of frames whose flags are set."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(start) * FRAME_SAMPLES, int(end) * FRAME_SAMPLES) for start, end in edges.reshape(-1, 2)]
