"""Trims the silence of a clause, so that listeners do not wait for it."""

from __future__ import annotations

import numpy as np

from services.common.audio.pcm import Pcm

KEPT_MS = 50
QUIET = 60  # samples up to this are silence: 55 dB below full scale, the noise that a model pads with


class Trimmer:
    """Leaves at most 50 ms of silence before the first sound and after the last, and bounds the pauses between.

    Without a longest pause, pauses stay as they are.
    """

    def __init__(self, sample_rate_hertz: int, longest_pause_ms: int = 0, quiet: int = QUIET) -> None:
        """Begin with pauses bounded to `longest_pause_ms`, 0 for unbounded; samples up to `quiet` count as silence."""
        self._kept = sample_rate_hertz * KEPT_MS // 1000
        self._longest = sample_rate_hertz * longest_pause_ms // 1000
        self._silence: Pcm = np.zeros(0, dtype=np.int16)  # held back: what follows it decides how much of it stays
        self._sounded = False
        self._quiet = quiet

    def passed(self, pcm: Pcm) -> Pcm:
        """Add samples, and return those that may be sent; silence at their end is held back."""
        audio = np.concatenate((self._silence, pcm)) if len(self._silence) else pcm
        loud = np.flatnonzero((audio > self._quiet) | (audio < -self._quiet))
        if not len(loud):
            self._silence = audio
            return audio[:0]
        self._silence = audio[loud[-1] + 1 :]
        start = 0 if self._sounded else max(0, int(loud[0]) - self._kept)
        long = self._long_pauses(np.concatenate(([-1], loud)) if self._sounded else loud) if self._longest else []
        self._sounded = True
        if not long:
            return audio[start : loud[-1] + 1]
        heard = np.ones(len(audio), dtype=np.bool_)
        for before, after in long:
            heard[before + 1 + self._longest // 2 : after - (self._longest - self._longest // 2)] = False
        return audio[start : loud[-1] + 1][heard[start : loud[-1] + 1]]

    def rest(self) -> Pcm:
        """Return the silence after the last sound; nothing if there was no sound at all."""
        return self._silence[: self._kept if self._sounded else 0]

    def _long_pauses(self, edges: np.typing.NDArray[np.intp]) -> list[tuple[int, int]]:
        """Return the indexes of the sounds before and after each pause that is too long."""
        places = np.flatnonzero(np.diff(edges) - 1 > self._longest)
        return [(int(edges[place]), int(edges[place + 1])) for place in places]
