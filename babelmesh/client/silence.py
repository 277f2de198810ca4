"""Decides when a silent server counts as lost, and how long to try for another. Pure."""

from __future__ import annotations

import random

HEARTBEAT_MS = 500  # asked for where the caller asks for none
MISSED = 3
STEADY_SECONDS = 10.0  # a call that lived so long has not failed for what was sent on it


class Silence:
    """Counts missed heartbeats. A late tick shows a stall of our own, and counts for nothing."""

    def __init__(self, period_seconds: float) -> None:
        self.period_seconds = period_seconds
        self._missed = 0

    def heard(self) -> None:
        """Reset the count: a message came, or listening began."""
        self._missed = 0

    def ticked(self, late_seconds: float) -> bool:
        """Count a period without a message, unless the tick was late itself; return whether the server is lost."""
        self._missed = 0 if late_seconds > self.period_seconds / 2 else self._missed + 1
        return self._missed >= MISSED


class Patience:
    """How long to try to resume a session, counted from the first loss since it last made progress.

    So a session that is lost again and again by what it sends comes to an end.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._resumed_at = 0.0
        self._losses = 0

    def lost(self, now: float) -> float:
        """Record a loss, and return the seconds left to try; zero or less when time is up."""
        if self._since is None or now - self._resumed_at > STEADY_SECONDS:
            self._since, self._losses = now, 0
        self._losses += 1
        return self._seconds - (now - self._since)

    def pause_seconds(self) -> float:
        """Return the pause before the first attempt: none, unless the last call made no progress."""
        return random.uniform(0.5, 1) * min(2.0, 0.05 * 2 ** min(self._losses, 6)) if self._losses > 1 else 0.0

    def resumed(self, now: float) -> None:
        """Record that a server has resumed the session."""
        self._resumed_at = now

    def advanced(self) -> None:
        """Record progress: something was concluded or delivered since the last loss."""
        self._since = None
