"""How much of something may happen in a time: an allowance that refills steadily. Pure; the caller has the clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second on the average, and so many at once after a pause."""

    per_second: float
    burst: float


class Allowance:
    """What is left of a rate."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = rate.burst
        self._at = now

    def wait(self, now: float) -> float:
        """Return the seconds until one more may happen; 0 where it may now."""
        self._refill(now)
        return max(0.0, (1.0 - self._left) / self._rate.per_second)

    def spend(self, now: float) -> None:
        """Count one more, which may put the allowance below nothing: the next one waits the longer."""
        self._refill(now)
        self._left -= 1.0

    def _refill(self, now: float) -> None:
        self._left = min(self._rate.burst, self._left + (now - self._at) * self._rate.per_second)
        self._at = now
