"""Cuts the digital silence around a clause: a listener waits for the first sample that can be heard."""

from __future__ import annotations

import numpy as np

from services.common.audio import Pcm

KEPT_MS = 50


class Trimmer:
    """Leaves at most 50 ms of zeros before the first sound and after the last; what is between stays."""

    def __init__(self, sample_rate_hertz: int) -> None:
        self._kept = sample_rate_hertz * KEPT_MS // 1000
        self._zeros = 0  # samples of silence held back
        self._sounded = False

    def passed(self, pcm: Pcm) -> Pcm:
        """What of the audio so far may be heard already."""
        loud = np.flatnonzero(pcm)
        if not len(loud):
            self._zeros += len(pcm)
            return pcm[:0]
        before = self._zeros + int(loud[0])
        self._zeros = len(pcm) - int(loud[-1]) - 1
        silence = np.zeros(before if self._sounded else min(before, self._kept), dtype=np.int16)
        self._sounded = True
        return np.concatenate((silence, pcm[loud[0] : loud[-1] + 1]))

    def rest(self) -> Pcm:
        """The silence after the last sound; nothing if there was no sound at all."""
        return np.zeros(min(self._zeros, self._kept) if self._sounded else 0, dtype=np.int16)
