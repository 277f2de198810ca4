"""Where windows are cut, and where their words are put."""

from __future__ import annotations

from itertools import chain, pairwise

import numpy as np
import pytest

from services.asr.engines.moonshine.pauses import FRAME_SAMPLES, CutRules, cut, quiet, quietest, spread
from services.common.audio.pcm import ASR_RATE, Pcm

RULES = CutRules(least_samples=ASR_RATE, pause_samples=ASR_RATE // 5, after_samples=ASR_RATE // 4)


def sound(*seconds: float, noise: float = 0.0) -> Pcm:
    """Speech and silence in turn, so many seconds of each, beginning with speech."""
    chance = np.random.default_rng(7)
    parts = [
        chance.normal(0, noise if number % 2 else 6_000, round(length * ASR_RATE))
        for number, length in enumerate(seconds)
    ]
    return np.concatenate(parts).clip(-32_768, 32_767).astype(np.int16)


@pytest.mark.parametrize("noise", [0.0, 50.0, 900.0])
def test_a_window_is_cut_in_the_middle_of_its_last_pause(noise: float) -> None:
    place = cut(sound(1.2, 0.4, 1.0, 0.4, 1.0, noise=noise), RULES)
    assert abs(place - 2.8 * ASR_RATE) < 2 * FRAME_SAMPLES


@pytest.mark.parametrize(
    "seconds", [(1.5,), (0.9, 0.4, 0.3), (4.0,), (2.0, 0.1, 2.0), (2.0, 0.4, 0.1), (0.5, 0.4, 2.0)]
)
def test_a_short_window_or_one_without_a_pause_before_speech_is_not_cut(seconds: tuple[float, ...]) -> None:
    assert cut(sound(*seconds), RULES) == 0


def test_silence_is_quiet_and_speech_is_not() -> None:
    assert quiet(np.zeros(ASR_RATE, np.int16)).all()
    assert not quiet(sound(1.0)).any()
    assert not len(quiet(np.zeros(10, np.int16)))


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    assert abs(quietest(sound(2.0, 0.04, 2.0), ASR_RATE, 4 * ASR_RATE) - 2.02 * ASR_RATE) <= FRAME_SAMPLES


def test_words_share_the_speech_by_their_letters_and_none_lies_in_a_pause() -> None:
    places = spread([4, 4], sound(1.0, 1.0, 1.0))
    assert places[0][1] <= 1.1 * ASR_RATE
    assert places[1][0] >= 1.9 * ASR_RATE


@pytest.mark.parametrize("pcm", [sound(0.5, 0.2, 0.5), np.zeros(500, np.int16), np.zeros(8_000, np.int16)])
@pytest.mark.parametrize("lengths", [[], [3], [1, 9, 2, 4] * 9])
def test_words_are_in_order_and_within_the_window(pcm: Pcm, lengths: list[int]) -> None:
    marks = list(chain.from_iterable(spread(lengths, pcm)))
    assert len(marks) == 2 * len(lengths)
    assert all(0 <= one <= other <= len(pcm) for one, other in pairwise(marks))
