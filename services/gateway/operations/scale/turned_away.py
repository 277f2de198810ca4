"""Sessions that were refused for want of a place and are about to ask again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

MOST = 10_000  # kept in mind; of more, the oldest are forgotten


class TurnedAway:
    """Each is counted until the time it was told to come back at.

    One that comes back as told, and is refused again, is therefore counted once at any time, and one that went
    elsewhere is soon forgotten. That needs no identity of a client; one that comes back too early is counted twice for
    a moment, one that waits longer is missed for a while.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: deque[float] = deque(maxlen=MOST)

    def add(self, retry_after_ms: int) -> None:
        """Count a session that was told to come back after so long."""
        now = self._clock()
        while self._until and self._until[0] <= now:
            self._until.popleft()
        self._until.append(now + retry_after_ms / 1000)

    @property
    def count(self) -> int:
        """How many sessions that were refused are about to ask again."""
        now = self._clock()
        return sum(until > now for until in self._until)
