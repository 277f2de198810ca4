"""Times translators on this machine at start, where a pair has several to choose from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence

from services.common.engines.tiers import Tier
from services.common.errors import MeshError
from services.mt.engine import Engine, Source
from services.mt.ways import Step, Way

TEXT = "Hotel 1, radio 2, taxi 3, piano 4 and video 5."  # words that many languages share
SPEECH_SECONDS = 4.0  # of a speaker, for a text of that length
REVISIONS = 6  # of a segment of that length, each of which is translated
PATIENCE_SECONDS = 30.0  # one that takes longer about it is slow, however slow


async def engine_seconds(engines: Sequence[Engine], ways: Iterable[Way]) -> Mapping[str, float]:
    """Return the seconds that each engine takes for a text, by name, timed on one of its steps."""
    known: dict[str, float] = {}
    for step in (step for way in ways for step in way.steps):
        if step.engine not in known:
            known[step.engine] = await _seconds(next(each for each in engines if each.name == step.engine), step)
    return known


def tier(name: str, way: Way, seconds: Mapping[str, float]) -> Tier:
    """Return a way as a tier, from the seconds that its steps' engines take."""
    once = sum(seconds[step.engine] for step in way.steps)
    return Tier(name, once * REVISIONS / SPEECH_SECONDS, once)


async def _seconds(engine: Engine, step: Step) -> float:
    """Return the seconds an engine takes for a second text; the first one loads what loads at first use."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await engine.translate(Source("Taxi 1.", step.pair))
            cpu, wall = time.process_time(), time.perf_counter()
            await engine.translate(Source(TEXT, step.pair))
    except (TimeoutError, MeshError):
        return float("inf")
    took, computed = time.perf_counter() - wall, time.process_time() - cpu
    return min(took, computed) if engine.device == "cpu" and computed > took / 3 else took
