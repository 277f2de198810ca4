"""Quality measures of a voice's version: its speed, clipping and silence."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

import numpy as np

from services.common.audio.pcm import Pcm
from services.common.engines.versions import Version
from services.common.errors import AtCapacity
from services.tts.neural.running import Floats
from services.tts.silence import QUIET

FULL_SCALE = 32_767


def pcm_of(samples: Floats) -> Pcm:
    """Return samples from -1 to 1 as 16-bit PCM, clipped."""
    return np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE).astype("<i2")


class Measured:
    """Counts one clause for the version that synthesizes it, unless the reader leaves before its end.

    Measures: `rtf`, seconds that it took for each second of speech, waiting included; `clipped` and `silence`, shares
    of the samples.
    """

    def __init__(self, version: Version[Any], sample_rate_hertz: int) -> None:
        self._version, self._rate = version, sample_rate_hertz
        self._seconds = 0.0
        self._counts = np.zeros(3)  # samples, clipped ones, silent ones

    def __enter__(self) -> Self:
        self._since = time.perf_counter()
        return self

    def made(self, pcm: Pcm) -> None:
        """Count a piece of speech that was just made."""
        self._seconds += time.perf_counter() - self._since
        loudness = np.abs(pcm)
        self._counts += np.array([len(pcm), (loudness >= FULL_SCALE).sum(), (loudness <= QUIET).sum()])

    def going_on(self) -> None:
        """Restart the clock: the reader took the piece, and asks for the next one."""
        self._since = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            samples, clipped, silent = self._counts.tolist()
            total = max(1, samples)
            self._version.answered(
                rtf=self._seconds * self._rate / total, clipped=clipped / total, silence=silent / total
            )
        elif issubclass(kind, Exception) and not issubclass(kind, AtCapacity):
            self._version.failed()
