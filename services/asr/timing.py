"""Times recognizers on this machine at start, where a language has several to choose from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from services.asr.engine import Endpoint, Engine, Heard, Speech
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.engines.tiers import Tier
from services.common.errors import MeshError

SECONDS = 2.0  # of what is heard to time it
PATIENCE_SECONDS = 30.0  # one that takes longer about it is slow, however slow
_SYLLABLES_PER_SECOND = 4
_FORMANTS_HERTZ = ((730, 1090), (270, 2290), (570, 840), (300, 870), (530, 1840))  # Peterson & Barney, 1952
_PITCH_HERTZ = 120
_PIECE_SAMPLES = ASR_RATE // 10
_UNUSED_SHARE = 0.3  # of the time that passed: who used less of the processor computes in another process, or elsewhere


async def timed(engine: Engine, language: str) -> Tier:
    """Return the engine as a tier, timed on a synthetic voice: its real-time factor, and the delay of its final."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await _heard(engine, language, vowels(0.5))  # what loads at first use has loaded
            taken = await _heard(engine, language, vowels(SECONDS))
    except (TimeoutError, MeshError):
        return Tier(engine.name, float("inf"), float("inf"))
    return Tier(engine.name, taken.compute_seconds / SECONDS, taken.answer_seconds)


def vowels(seconds: float) -> Pcm:
    """Return a synthetic voice of syllables with changing vowels, in which recognizers find words."""
    times = np.arange(round(seconds * ASR_RATE)) / ASR_RATE
    syllables = (times * _SYLLABLES_PER_SECOND).astype(int) % len(_FORMANTS_HERTZ)
    pitch = _PITCH_HERTZ * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * times))
    phases = 2 * np.pi * np.cumsum(pitch) / ASR_RATE
    voice = np.zeros(len(times))
    for harmonic in range(1, 25):
        formants = np.array(_FORMANTS_HERTZ)[syllables]
        loudness = np.exp(-(((harmonic * _PITCH_HERTZ - formants) / 120.0) ** 2)).sum(axis=1) + 0.02
        voice += loudness * np.sin(harmonic * phases)
    envelope = np.sin(np.pi * ((times * _SYLLABLES_PER_SECOND) % 1)) ** 0.5
    return np.asarray(8_000 * envelope * voice / np.abs(voice).max(), dtype=np.int16)


@dataclass(slots=True)
class _Taken:
    compute_seconds: float = 0.0
    answer_seconds: float = 0.0


class _Stopwatch:
    """Measures the seconds an engine computes: processor time where it uses one, else wall time."""

    def __init__(self, engine: Engine) -> None:
        self._on_cpu = engine.device == "cpu"
        self.restart()

    def restart(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    @property
    def seconds(self) -> float:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return min(wall, cpu) if self._on_cpu and cpu >= _UNUSED_SHARE * wall else wall


async def _heard(engine: Engine, language: str, pcm: Pcm) -> _Taken:
    whole, final = _Stopwatch(engine), _Stopwatch(engine)
    taken = _Taken()
    async with aclosing(_segment(pcm, final)) as heard, aclosing(engine.recognize(heard, language)) as guesses:
        async for guess in guesses:
            if guess.final:
                taken.answer_seconds = final.seconds
    taken.compute_seconds = whole.seconds
    return taken


async def _segment(pcm: Pcm, final: _Stopwatch) -> AsyncGenerator[Heard, None]:
    for start in range(0, len(pcm), _PIECE_SAMPLES):
        yield Speech(pcm[start : start + _PIECE_SAMPLES], start)
    final.restart()
    yield Endpoint()
