"""How often a client may ask for what costs work: so many at once, and so many a second from then on. Pure."""

from __future__ import annotations


class Allowance:
    """A token bucket (RFC 2697's, of one colour): it starts full. Times are seconds on one monotonic clock."""

    def __init__(self, at_once: int, per_second: float) -> None:
        self.at_once = at_once
        self.per_second = per_second
        self.refused = 0  # in a row, since something was allowed
        self._left = float(at_once)
        self._since: float | None = None

    def ask(self, now: float) -> float:
        """Take one, if there is one: 0.0. Else the seconds until there will be."""
        if self._since is not None:
            self._left = min(float(self.at_once), self._left + (now - self._since) * self.per_second)
        self._since = now
        if self._left >= 1.0:
            self._left -= 1.0
            self.refused = 0
            return 0.0
        self.refused += 1
        return (1.0 - self._left) / self.per_second
