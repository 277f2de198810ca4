from __future__ import annotations

import numpy as np
import pytest

from services.common import audio


def _tone(hertz: int, rate: int, seconds: float) -> audio.Pcm:
    time = np.arange(int(rate * seconds)) / rate
    return (10_000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_chunks_are_resampled_without_seams(rate: int) -> None:
    resampler = audio.Resampler(rate, audio.ASR_RATE)
    tone = _tone(440, rate, 2)
    cuts = range(0, len(tone), 777)
    pieces = [resampler.convert(tone[start : start + 777]) for start in cuts] + [resampler.convert(tone[:0], last=True)]
    heard = np.concatenate(pieces)
    assert abs(len(heard) - 2 * audio.ASR_RATE) <= 1
    inner = slice(1_000, len(heard) - 1_000)
    reference = _tone(440, audio.ASR_RATE, 2)[: len(heard)]
    assert int(np.abs(heard[inner].astype(int) - reference[inner]).max()) < 100


def test_audio_of_the_right_rate_passes_untouched() -> None:
    pcm = _tone(440, audio.ASR_RATE, 0.1)
    assert audio.Resampler(audio.ASR_RATE, audio.ASR_RATE).convert(pcm) is pcm


def test_bytes_are_little_endian_samples() -> None:
    assert audio.from_bytes(b"\x01\x00\xff\x7f\x00\x80").tolist() == [1, 32_767, -32_768]
