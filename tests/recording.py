"""Recordings as files, for tests of programs that read them."""

from __future__ import annotations

import wave
from pathlib import Path


def write_wave(path: Path, pcm: bytes, rate: int = 16_000) -> None:
    """Writes 16-bit mono PCM as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
