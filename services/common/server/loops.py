"""Chooses the event loop of a stage by what its engines start."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import uvloop

from services.common.engines.selection import engine_class

_YOUNG = 20_000  # objects made before the youngest are looked at: a message makes hundreds that go by themselves


def loop_of(stage: str, settings: Any) -> asyncio.AbstractEventLoop:
    """Return uvloop for engines that say they start no programs, else asyncio's own loop.

    uvloop is faster at messages, but it forks where asyncio does not copy the process, and a fork beside gRPC's threads
    now and then ends before the program has begun. Raises InvalidArgument for an unknown engine.
    """
    names = [str(settings.variants.get(name, {}).get("engine", name)) for name in settings.engine.split("+")]
    starting = any(getattr(engine_class(stage, name), "starts_programs", True) for name in names)
    return asyncio.new_event_loop() if starting else uvloop.new_event_loop()


def spare_collector() -> None:
    """Keep Python's collector of cycles away from what was loaded, and from objects that live for one message only."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
