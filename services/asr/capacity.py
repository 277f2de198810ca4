"""Measures, when the stage starts, how many real-time sessions this machine carries.

Measured is the engine's time on a sound like speech; time in which other programs had the processor does not count, so
that services which start at once do not take each other for slow machines. A limit on processor time does.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import numpy as np

from services.asr.engine import Endpoint, Engine, Heard, Speech
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.engines.processors import processors
from services.common.server.starving import Denied

SPEECH_SHARE = 0.65  # of a session's time: silence costs nothing, and people pause
UNMEASURED = ("scripted",)  # its time is made up
_WARM_SECONDS, _TIMED_SECONDS = 1.0, 3.0
_PIECE_SAMPLES = ASR_RATE // 10


async def measured(engine: Engine) -> int | None:
    """Return how many real-time sessions an engine carries here, at least one; None where this machine does not compute
    for it.
    """
    if engine.device != "cpu" or engine.name in UNMEASURED:
        return None
    await _recognize(engine, _WARM_SECONDS)
    denied, began = Denied(), time.perf_counter()
    await _recognize(engine, _TIMED_SECONDS)
    took = time.perf_counter() - began
    return carried(max(0.0, took - denied.seconds()) / _TIMED_SECONDS, processors())


def carried(real_time_factor: float, of_processors: float) -> int:
    """Return how many sessions these processors carry when a second of speech takes `real_time_factor` seconds to
    compute.

    Nothing is kept for the other services: where sessions are one too many, they are late, and lose nothing.
    """
    return max(1, round(of_processors / max(SPEECH_SHARE * real_time_factor, 1e-6)))


def like_speech(seconds: float) -> Pcm:
    """Return a synthetic voice without words: a gliding tone with its harmonics, in syllables, and some noise."""
    times = np.arange(round(seconds * ASR_RATE)) / ASR_RATE
    pitch = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * times)) / ASR_RATE
    tone = np.asarray(sum(np.sin(count * pitch) / count for count in range(1, 20)))
    noise = np.random.default_rng(1).normal(size=len(times))
    syllables = np.clip(np.sin(2 * np.pi * 4 * times) + 0.6, 0, 1)
    return np.asarray(3_000 * syllables * (tone + 0.3 * noise), dtype=np.int16)


async def _recognize(engine: Engine, seconds: float) -> None:
    pcm = like_speech(seconds)

    async def heard() -> AsyncIterator[Heard]:
        for start in range(0, len(pcm), _PIECE_SAMPLES):
            yield Speech(pcm[start : start + _PIECE_SAMPLES], start)
        yield Endpoint()

    async with aclosing(engine.recognize(heard(), engine.languages[0])) as guesses:
        async for _ in guesses:
            pass  # what it makes of it is of no interest
