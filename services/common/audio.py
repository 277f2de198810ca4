"""PCM as numpy arrays: one-dimensional int16, mono."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import soxr

Pcm: TypeAlias = npt.NDArray[np.int16]

ASR_RATE = 16_000  # what every recognizer here hears


def from_bytes(pcm16le: bytes) -> Pcm:
    """The samples of 16-bit little-endian bytes, without a copy. The length must be even."""
    return np.frombuffer(pcm16le, dtype="<i2")


class Resampler:
    """Streaming conversion between sampling rates: one filter for all chunks, so no seams between them."""

    def __init__(self, from_hertz: int, to_hertz: int) -> None:
        self._stream = None
        if from_hertz != to_hertz:
            self._stream = soxr.ResampleStream(from_hertz, to_hertz, 1, dtype="int16", quality="HQ")

    def convert(self, pcm: Pcm, last: bool = False) -> Pcm:
        """What can be made of the audio so far; with `last`, all that is left."""
        if self._stream is None:
            return pcm
        converted: Pcm = self._stream.resample_chunk(pcm, last=last)
        return converted
