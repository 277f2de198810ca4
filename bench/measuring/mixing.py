"""Noise to mix speech with, at a chosen ratio. Pure, but for the recordings that babble is made of; always the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from services.common.audio.pcm import ASR_RATE, Pcm

SPEAKERS = 6  # that talk at once in babble
SEED = 20130
FRAME_SAMPLES = ASR_RATE // 50
LOUD_SHARE = 0.05  # of a recording's loudest frame: quieter ones are pauses, and do not count as speech

Floats = npt.NDArray[np.float64]
Noise = Callable[[int], Floats]  # so many samples


def white(seed: int = SEED) -> Noise:
    """White Gaussian noise."""
    return lambda count: np.random.default_rng(seed).standard_normal(count)


def babble(recordings: Sequence[Pcm], seed: int = SEED) -> Noise:
    """Make noise of several people who talk at once.

    Each of them is a loop of all recordings in an order of its own, their pauses cut out: the noise has no gaps.
    """
    generator = np.random.default_rng(seed)
    loops = []
    for _ in range(SPEAKERS):
        order = generator.permutation(len(recordings))
        loop = np.concatenate([_spoken(recordings[place]) for place in order]).astype(np.float64)
        loops.append(np.roll(loop, int(generator.integers(len(loop)))))
    return lambda count: np.sum([np.resize(loop, count) for loop in loops], axis=0)


def mixed(speech: Pcm, noise: Noise, decibels: float) -> Pcm:
    """Add noise to speech of 16 kHz, so much below it in decibels.

    The level of speech is that of its loud frames: pauses in it do not make the noise quieter.
    """
    added = noise(len(speech))
    ratio = 10 ** (decibels / 20)
    gain = _level(_spoken(speech).astype(np.float64)) / (ratio * _level(added))
    both = speech + gain * added
    peak = float(np.abs(both).max())
    return (both * min(1.0, 32767 / peak)).astype(np.int16)  # a mixture that would clip is made quieter as a whole


def noises(recordings: Sequence[Pcm]) -> Mapping[str, Noise]:
    """The noises of the goals, by name."""
    return {"babble": babble(recordings), "white": white()}


def _level(samples: Floats) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def _spoken(pcm: Pcm) -> Pcm:
    frames = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    level = np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1))
    spoken: Pcm = frames[level > LOUD_SHARE * level.max()].reshape(-1)
    return spoken
