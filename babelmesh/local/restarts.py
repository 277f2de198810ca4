"""Decides when a service that ended is restarted. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 0.2
LONGEST_SECONDS = 5.0
SOUND_SECONDS = 10.0  # of being ready, after which a service counts as one that never ended
MOST_DEATHS = 5  # in a row without having been ready: it never will be


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pause before a restart, after the deaths of a service so far."""

    pause_seconds: float = 0.0
    deaths: int = 0  # in a row, without having been ready

    @property
    def hopeless(self) -> bool:
        """Whether the service died too often to be restarted."""
        return self.deaths >= MOST_DEATHS

    def after(self, ready_seconds: float | None) -> Backoff:
        """Return the backoff after one more death, of a service that was ready for so long; None when it never was."""
        pause_seconds = min(2 * self.pause_seconds, LONGEST_SECONDS) or FIRST_SECONDS
        if ready_seconds is None:
            return Backoff(pause_seconds, self.deaths + 1)
        return Backoff(FIRST_SECONDS if ready_seconds >= SOUND_SECONDS else pause_seconds)
