"""PCM as numpy arrays: one-dimensional int16, mono, with conversion from bytes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Pcm: TypeAlias = npt.NDArray[np.int16]

ASR_RATE = 16_000  # what every recognizer here hears


def from_bytes(pcm16le: bytes) -> Pcm:
    """Return the samples of 16-bit little-endian bytes, without a copy. The length must be even."""
    return np.frombuffer(pcm16le, dtype="<i2")
