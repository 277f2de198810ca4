"""Has caches drop what is too old also where nobody asks them any more."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

LEAST_SECONDS = 0.05  # between two looks


class Forgetting:
    """Calls `forget` of some caches when there is something to drop, and only then."""

    def __init__(self, forget: Sequence[Callable[[], float]]) -> None:
        """Each of `forget` drops what is too old, and returns after how many seconds there is more to drop."""
        self._forget = forget
        self._timer: asyncio.TimerHandle | None = None

    def used(self) -> None:
        """Note that a cache may hold something now."""
        if self._timer is None:
            self._look()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        seconds = min(forget() for forget in self._forget)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(seconds, LEAST_SECONDS), self._look) if seconds < math.inf else None
