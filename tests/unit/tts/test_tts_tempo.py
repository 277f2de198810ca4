from __future__ import annotations

import numpy as np
import pytest

from services.common.audio.pcm import from_bytes
from services.tts.engines.riva.tempo import Tempo

RATE = 22_050


def through(tempo: Tempo, pcm: np.ndarray, piece_samples: int) -> bytes:
    pieces = [tempo.convert(pcm[start : start + piece_samples]) for start in range(0, len(pcm), piece_samples)]
    return b"".join([*pieces, tempo.rest()])


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.35, 2.0])
def test_speech_is_as_much_shorter_as_it_is_faster_and_as_loud(rate: float) -> None:
    times = np.arange(2 * RATE) / RATE
    pcm = np.asarray(8_000 * np.sin(2 * np.pi * 200 * times), np.int16)
    made = from_bytes(through(Tempo(rate, RATE), pcm, 1_000))
    assert len(made) == pytest.approx(len(pcm) / rate, rel=0.02)
    middle = made[len(made) // 4 : -len(made) // 4].astype(float)
    assert np.sqrt((middle**2).mean()) == pytest.approx(8_000 / np.sqrt(2), rel=0.1)


def test_the_own_rate_changes_no_sample() -> None:
    pcm = np.arange(-5_000, 5_000, dtype=np.int16)
    assert through(Tempo(1.0, RATE), pcm, 777) == pcm.tobytes()


@pytest.mark.parametrize("length", [0, 1, 10])
def test_a_handful_of_samples_breaks_nothing(length: int) -> None:
    through(Tempo(1.5, RATE), np.ones(length, np.int16), 3)
