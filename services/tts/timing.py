"""Times voices on this machine at start, where a language has several tiers to choose from."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

from services.common.engines.tiers import Tier
from services.common.errors import MeshError
from services.tts import speeds
from services.tts.engine import Clause, Engine, Voice


async def timed(engine: Engine, voice: Voice) -> Tier:
    """Return the engine as a tier, timed on a voice: its real-time factor, and the delay of its first piece."""
    try:
        factor = await speeds.factor(engine, voice)
        async with asyncio.timeout(speeds.PATIENCE_SECONDS):
            return Tier(engine.name, factor, await _first_seconds(engine, voice))
    except (TimeoutError, MeshError):
        return Tier(engine.name, float("inf"), float("inf"))


async def _first_seconds(engine: Engine, voice: Voice) -> float:
    cpu, wall = time.process_time(), time.perf_counter()
    async with aclosing(engine.synthesize(Clause("1, 2, 3.", voice))) as pieces:
        await anext(pieces, b"")
    took, computed = time.perf_counter() - wall, time.process_time() - cpu
    return min(took, computed) if engine.device == "cpu" and computed > took / 3 else took
