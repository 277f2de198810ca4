"""Measures at start how fast neural voices are on this machine, which decides each language's default voice.

A voice slower than its words come is heard later and later, and takes the time of the recognizer beside it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.tts.engine import Clause, Engine, Voice

MOST_PACE = 0.5  # so that one worker speaks two languages at once
CORES_SHARE = 8  # on fewer than four cores, recognizer and translator need what there is of them
PATIENCE_SECONDS = 30.0  # a network that takes longer about a few words is slow, however slow
_WARM_UP, _TIMED = "1 2", "1, 2, 3, 4, 5, 6"  # digits are words in every language


@dataclass(frozen=True, slots=True)
class Offer:
    """A voice as the stage offers it: its engine, speed, and the languages whose default it is."""

    voice: Voice
    engine: str
    neural: bool = False
    real_time_factor: float = 0.0  # seconds computed for one of speech; 0: not measured
    slow: bool = False  # too slow to be a default
    default_languages: tuple[str, ...] = ()  # whose default the settings say it is


def pace(setting: float | None) -> float:
    """Return the highest real-time factor of a neural default voice: the setting's, or what the cores allow."""
    if setting is not None:
        return setting
    return min(MOST_PACE, len(os.sched_getaffinity(0)) / CORES_SHARE)


async def measured(engine: Engine) -> Mapping[Voice, float]:
    """Return the real-time factors of an engine's neural voices, measured on one voice per network."""
    found: dict[Voice, float] = {}
    for voices in engine.networks:
        took = await factor(engine, voices[0])
        found |= dict.fromkeys(voices, took)
    return found


def ordered(offers: Sequence[Offer]) -> list[Offer]:
    """Return the offers with each language's default first: set by the operator, then in pace, then the rest."""
    return sorted(offers, key=lambda each: (not each.default_languages, each.slow))


async def factor(engine: Engine, voice: Voice) -> float:
    """Return a voice's real-time factor: seconds computed per second of speech; 0 when it makes none of digits."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await _spoken(engine, Clause(_WARM_UP, voice))
            cpu, wall = time.process_time(), time.perf_counter()
            seconds = await _spoken(engine, Clause(_TIMED, voice))
    except TimeoutError:
        return float("inf")
    took = time.perf_counter() - wall
    if engine.device == "cpu":  # other services start at the same time, and take cores for as long as that
        took = min(took, time.process_time() - cpu)
    return took / seconds if seconds else 0.0


async def _spoken(engine: Engine, clause: Clause) -> float:
    """Synthesize a clause, and return its length in seconds."""
    count = 0
    async for piece in engine.synthesize(clause):
        count += len(piece) // 2
    return count / engine.sample_rate_hertz
