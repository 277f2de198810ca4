"""Real speech to load the mesh with: longer recordings of Debian's asterisk-core-sounds-en-g722, joined."""

from __future__ import annotations

import numpy as np

from bench.recognition.wer import find_sounds, read_g722
from services.common.audio.pcm import ASR_RATE, Pcm

LEAST_BYTES = 4 * 8_000  # four seconds; G.722 is 64 kbit/s
PAUSE = np.zeros(int(0.7 * ASR_RATE), dtype=np.int16)


def talks(count: int, seconds: float) -> list[Pcm]:
    """So many talks of that length, no recording in two of them; each ends in silence."""
    recordings = iter(sorted(path for path in find_sounds().glob("*.g722") if path.stat().st_size >= LEAST_BYTES))
    result = []
    for _ in range(count):
        talk: Pcm = np.zeros(0, dtype=np.int16)
        while len(talk) < seconds * ASR_RATE:
            talk = np.concatenate((talk, read_g722(next(recordings)), PAUSE))
        result.append(talk[: int(seconds * ASR_RATE) - len(PAUSE)])
    return [np.concatenate((talk, PAUSE)) for talk in result]
