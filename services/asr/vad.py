"""Voice activity detection: the probability that each frame of audio holds speech."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from services.asr.silero import FRAME_SAMPLES, Silero
from services.common.audio.pcm import Pcm


class Vad(Protocol):
    """One session's voice activity detector, which depends on the frames before."""

    def probabilities(self, pcm: Pcm) -> list[float]:
        """Return the probability, 0 to 1, that each frame holds speech; `pcm` is some whole FRAME_SAMPLES."""

    def reset(self) -> None:
        """Forget the frames received: the next one does not follow the last."""


class EnergyVad:
    """A detector that takes loud frames for speech: for synthetic audio, which a model rightly finds silent."""

    _LOUD = 300.0  # root mean square; full scale is 32,768

    def probabilities(self, pcm: Pcm) -> list[float]:
        """Return 1.0 for each frame whose root mean square reaches _LOUD, else 0.0."""
        return [float(level >= self._LOUD**2) for level in levels(pcm)]

    def reset(self) -> None:
        """Do nothing: this detector keeps no state."""


def levels(pcm: Pcm) -> list[float]:
    """Return the level of each frame: the mean square of its samples."""
    frames = pcm.reshape(-1, FRAME_SAMPLES).astype(np.float64)
    squares: list[float] = np.vecdot(frames, frames).tolist()
    return [square / FRAME_SAMPLES for square in squares]


def make_vad(name: Literal["silero", "energy"]) -> Vad:
    """Return a new detector of the kind that the setting names. Raises StageFailed without Silero's weights."""
    return Silero() if name == "silero" else EnergyVad()
