"""When the silence of a server means that it is gone, and how long it is worth looking for another. Pure."""

from __future__ import annotations

import random

HEARTBEAT_MS = 500  # asked for where the caller asks for none
MISSED = 3
STEADY_SECONDS = 10.0  # a call that lived so long has not failed for what was sent on it


class Silence:
    """Counts missed heartbeats. A tick that comes late is our own stall, and proves nothing about the server."""

    def __init__(self, period_seconds: float) -> None:
        self.period_seconds = period_seconds
        self._missed = 0

    def heard(self) -> None:
        """A message came, or we began to listen."""
        self._missed = 0

    def ticked(self, late_seconds: float) -> bool:
        """Another period has passed without a message, told so much too late. True when the server is gone."""
        self._missed = 0 if late_seconds > self.period_seconds / 2 else self._missed + 1
        return self._missed >= MISSED


class Patience:
    """How long a session is tried to be resumed, counted from the first loss since it last got anywhere.

    So a session that is lost again and again by what it sends comes to an end.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._resumed_at = 0.0
        self._losses = 0

    def lost(self, now: float) -> float:
        """The call was lost. Returns the seconds left, none or less when it is enough."""
        if self._since is None or now - self._resumed_at > STEADY_SECONDS:
            self._since, self._losses = now, 0
        self._losses += 1
        return self._seconds - (now - self._since)

    def pause_seconds(self) -> float:
        """How long to wait before the first attempt: not at all, unless the last call got nowhere."""
        return random.uniform(0.5, 1) * min(2.0, 0.05 * 2 ** min(self._losses, 6)) if self._losses > 1 else 0.0

    def resumed(self, now: float) -> None:
        """A server has taken the session over."""
        self._resumed_at = now

    def advanced(self) -> None:
        """Something was concluded or delivered since."""
        self._since = None
