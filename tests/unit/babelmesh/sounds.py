"""Small files with tones in them, in the containers that people have."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

RATE = 16_000
LOUDNESS = 0.3
Sound = npt.NDArray[np.float32]


def tone(seconds: float, hertz: float = 440.0, rate: int = RATE) -> Sound:
    return (LOUDNESS * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def wav(path: Path, channels: Sequence[Sound], rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.stack(channels, axis=1) * 32_767).astype("<i2").tobytes())
    return path


def encoded(path: Path, codec: str, *tracks: Sound, rate: int = RATE, starts: Sequence[float] = (0.0,)) -> Path:
    """Mono tracks in a container; each starts where `starts` says, in halves where it says two places."""
    with av.open(str(path), "w") as file:
        streams: list[Any] = [file.add_stream(codec, rate=rate, layout="mono") for _ in tracks]
        for stream, sound in zip(streams, tracks, strict=True):
            parts = np.array_split(sound, len(starts))
            for start, part in zip(starts, parts, strict=True):
                for at in range(0, len(part) - 959, 960):
                    frame = av.AudioFrame.from_ndarray(_of(stream, part[at : at + 960]), stream.format.name, "mono")
                    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
                    frame.pts = round(start * rate) + at
                    file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    return path


def _of(stream: Any, sound: Sound) -> npt.NDArray[Any]:
    match stream.format.name:
        case "s16" | "s16p":
            return (sound[None] * 32_767).astype(np.int16)
        case "s32" | "s32p":
            return (sound[None] * 2_147_483_000).astype(np.int32)
    return sound[None]


def level(pcm: bytes, start: float, seconds: float = 0.3, hertz: float = 440.0) -> float:
    """How loud a tone is at a place, 1 being as loud as it was made."""
    sound = np.frombuffer(pcm, "<i2").astype(np.float64) / 32_768
    there = sound[round(start * RATE) : round((start + seconds) * RATE)]
    turning = np.exp(-2j * np.pi * hertz * np.arange(len(there)) / RATE)
    return float(2 * np.abs(np.mean(there * turning)) / LOUDNESS) if len(there) else 0.0
