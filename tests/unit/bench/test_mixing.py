"""Noise that speech is mixed with."""

from __future__ import annotations

import numpy as np
import pytest

from bench.measuring.mixing import babble, mixed, noises, white
from services.common.audio.pcm import ASR_RATE, Pcm


def _speech(level: int = 3000, seed: int = 7) -> Pcm:
    """A second of pause, two of something loud, a second of pause."""
    loud = np.random.default_rng(seed).normal(0, level, 2 * ASR_RATE)
    quiet = np.zeros(ASR_RATE)
    return np.concatenate((quiet, loud, quiet)).astype(np.int16)


@pytest.mark.parametrize("decibels", [0.0, 10.0, 20.0])
def test_noise_lies_below_the_loud_part_of_speech_by_the_decibels_asked_for(decibels: float) -> None:
    speech = _speech()
    noise = mixed(speech, white(), decibels)[:ASR_RATE].astype(np.float64)  # in the pause there is nothing else
    loud = speech[ASR_RATE : 3 * ASR_RATE].astype(np.float64)
    found = 10 * np.log10(np.mean(loud**2) / np.mean(noise**2))
    assert found == pytest.approx(decibels, abs=0.2)


def test_the_same_mixture_is_made_every_time() -> None:
    recordings = [_speech(seed=seed) for seed in range(8)]
    for name in noises(recordings):
        first, again = (mixed(_speech(), noises(recordings)[name], 10) for _ in range(2))
        assert np.array_equal(first, again)


def test_a_mixture_that_would_clip_is_made_quieter_as_a_whole() -> None:
    speech = np.clip(_speech(level=20_000).astype(np.int32), -32_768, 32_767).astype(np.int16)
    assert np.abs(mixed(speech, white(), 0).astype(np.int32)).max() <= 32_767


def test_babble_has_no_gaps() -> None:
    noise = babble([_speech(seed=seed) for seed in range(4)])(10 * ASR_RATE)
    frames = noise.reshape(-1, ASR_RATE // 50)
    assert np.sqrt(np.mean(frames**2, axis=1)).min() > 0
