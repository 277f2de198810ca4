"""Rate limits: an allowance that refills steadily. Pure; the caller has the clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate limit: events per second on the average, and in a burst after a pause."""

    per_second: float
    burst: float


class Allowance:
    """The remaining allowance of a rate: a token bucket (RFC 2697's, of one colour) that starts full."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = rate.burst
        self._at = now
        self.refused = 0  # in a row, of those that `ask` asked for

    def ask(self, now: float) -> float:
        """Count one event and return 0.0, if it may happen now; else return the seconds until it may."""
        if wait_seconds := self.wait(now):
            self.refused += 1
            return wait_seconds
        self.refused = 0
        self.spend(now)
        return 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until one more event may happen; 0 where it may now."""
        self._refill(now)
        return max(0.0, (1.0 - self._left) / self._rate.per_second)

    def spend(self, now: float) -> None:
        """Count one event even if the allowance falls below zero: the next one waits the longer."""
        self._refill(now)
        self._left -= 1.0

    def _refill(self, now: float) -> None:
        self._left = min(self._rate.burst, self._left + (now - self._at) * self._rate.per_second)
        self._at = now
