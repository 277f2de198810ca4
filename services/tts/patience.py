"""Waits for a slow synthesizer, and lets who waits for it know meanwhile that it is at work."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from services.common.cancelling import TaskGroup, heed_cancellation
from services.common.errors import cause

T = TypeVar("T")


async def patiently(work: Coroutine[Any, Any, T], seconds: float, at_work: Callable[[], Awaitable[object]]) -> T:
    """The result of some work, or its fault; `at_work` is called each time that so many seconds have passed."""
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
