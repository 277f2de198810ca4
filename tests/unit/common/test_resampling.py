"""Audio changes its rate without seams, without aliases, and always equally late."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.audio.resampling import Resampler

RATES = [8_000, 11_025, 22_050, 44_100, 47_999, 48_000]


def _tone(hertz: int, rate: int, seconds: float) -> Pcm:
    time = np.arange(int(rate * seconds)) / rate
    return (10_000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def _noise(samples: int) -> Pcm:
    return np.random.default_rng(1).integers(-9_000, 9_000, samples).astype(np.int16)


@pytest.mark.parametrize("rate", RATES)
def test_chunks_are_resampled_without_seams(rate: int) -> None:
    resampler = Resampler(rate, ASR_RATE)
    tone = _tone(440, rate, 2)
    cuts = range(0, len(tone), 777)
    pieces = [resampler.convert(tone[start : start + 777]) for start in cuts] + [resampler.convert(tone[:0], last=True)]
    heard = np.concatenate(pieces)
    assert abs(len(heard) - 2 * ASR_RATE) <= 1
    inner = slice(1_000, len(heard) - 1_000)
    reference = _tone(440, ASR_RATE, 2)[: len(heard)]
    assert int(np.abs(heard[inner].astype(int) - reference[inner]).max()) < 4


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("chunk_ms", [20, 100])
def test_what_comes_out_is_always_equally_late(rate: int, chunk_ms: int) -> None:
    resampler = Resampler(rate, ASR_RATE)
    size, converted, late_ms = rate * chunk_ms // 1000, 0, []
    for place in range(1, 60):
        converted += len(resampler.convert(_noise(size)))
        late_ms.append(1000 * (place * size / rate - converted / ASR_RATE))
    assert max(late_ms) < 9
    assert max(late_ms) - min(late_ms) < 0.2


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_speech_of_a_telephone_keeps_its_band(rate: int) -> None:
    for hertz in (300, 1_000, 3_400, 3_700):
        heard = Resampler(rate, ASR_RATE).convert(_tone(hertz, rate, 1), last=True)[2_000:-2_000]
        assert abs(float(heard.astype(float).std()) * 2**0.5 / 10_000 - 1) < 0.02


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_what_no_recognizer_can_hear_does_not_come_back_as_another_tone(rate: int) -> None:
    heard = Resampler(rate, ASR_RATE).convert(_tone(8_400, rate, 1), last=True)[2_000:-2_000]
    assert int(np.abs(heard).max()) <= 2


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("samples", [0, 1, 5, 100, 700, 5_000])
def test_the_least_audio_keeps_its_length(rate: int, samples: int) -> None:
    resampler = Resampler(rate, ASR_RATE)
    heard = len(resampler.convert(_noise(samples))) + len(resampler.convert(_noise(0), last=True))
    assert abs(heard - samples * ASR_RATE / rate) <= 1


def test_audio_of_the_right_rate_passes_untouched() -> None:
    pcm = _tone(440, ASR_RATE, 0.1)
    assert Resampler(ASR_RATE, ASR_RATE).convert(pcm) is pcm


def test_no_session_starts_threads_to_resample() -> None:
    before = len(list(Path("/proc/self/task").iterdir()))
    resamplers = [Resampler(8_000, ASR_RATE) for _ in range(8)]
    for resampler in resamplers:
        resampler.convert(_noise(800))
    assert len(list(Path("/proc/self/task").iterdir())) == before
