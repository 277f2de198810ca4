"""Awaits a slow synthesizer, and calls back at intervals while it works."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from services.common.cancelling import TaskGroup, heed_cancellation
from services.common.errors import cause

T = TypeVar("T")


async def patiently(work: Coroutine[Any, Any, T], seconds: float, at_work: Callable[[], Awaitable[object]]) -> T:
    """Await work and return its result, or raise its error; `at_work` is called after every `seconds` without one."""
    if seconds == math.inf:
        return await work
    try:
        async with TaskGroup() as tasks:
            task = tasks.create_task(work)
            while not (await asyncio.wait({task}, timeout=seconds))[0]:
                await at_work()
    except ExceptionGroup as group:
        heed_cancellation()
        raise cause(group) from None
    return task.result()
