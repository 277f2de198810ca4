"""How a voice keeps up with the speaker: the lag of its clauses, their speaking rate, and what is not spoken at all.

Pure: no I/O, no clock; time is samples of the session's audio clock.
"""

from __future__ import annotations

from services.common.audio.pcm import ASR_RATE
from services.gateway.values.speech import Pace

EASE_SAMPLES = 2 * ASR_RATE  # nearer to the speaker than this, a voice takes its time
FULL_SAMPLES = 6 * ASR_RATE  # further behind than this, it does not speak any faster; a smaller ease moves it as well
FASTEST_CATCH_UP = 1.35  # times the rate that was asked for; beyond it, speech gets hard to follow
RATE_STEP = 0.05  # between two clauses: a listener hardly notices it
FASTEST = 2.0  # what a synthesizer can be asked for
SHORT_PAUSE_MS = 120  # left of a longer pause within a clause, while the voice catches up


class Playout:
    """Where a listener is who hears speech as it comes: one clause after the other, none before it is there."""

    def __init__(self) -> None:
        self._end_samples = 0  # of all that was sent

    def sent(self, duration_samples: int, at_samples: int) -> None:
        """Add speech that was sent, which is heard from a moment on."""
        self._end_samples = max(self._end_samples, at_samples) + duration_samples

    def left(self, at_samples: int) -> int:
        """How much of what was sent has not been heard at a moment."""
        return max(0, self._end_samples - at_samples)

    def drop(self, at_samples: int) -> None:
        """What has not been heard at a moment never will be."""
        self._end_samples = min(self._end_samples, at_samples)


class Pacing:
    """The pace of one voice, clause after clause.

    The rate follows the lag in small steps, up to a bound. Between two lags it is proportional to it, so a translation
    that takes longer to say than its source settles at a lag instead of drifting away. Past the largest lag clauses are
    left out until the voice is back at half of it: some in a row, rather than one here and one there.
    """

    def __init__(self, asked_rate: float, max_lag_samples: int, ease_samples: int = EASE_SAMPLES) -> None:
        self._asked_rate = asked_rate
        self._max_lag_samples = max_lag_samples
        self._ease_samples = ease_samples
        self._catch_up = 1.0
        self._shedding = False

    def next(self, lag_samples: int) -> Pace | None:
        """The pace of a clause that starts so far behind the speech it is made from; None when it is left out."""
        bound = self._max_lag_samples // 2 if self._shedding else self._max_lag_samples
        self._shedding = lag_samples > bound
        if self._shedding:
            return None
        behind = min(max(lag_samples - self._ease_samples, 0) / (FULL_SAMPLES - EASE_SAMPLES), 1.0)
        change = 1.0 + behind * (FASTEST_CATCH_UP - 1.0) - self._catch_up
        self._catch_up += min(max(change, -RATE_STEP), RATE_STEP)
        rate = round(min(self._asked_rate * self._catch_up, FASTEST), 3)
        return Pace(rate, SHORT_PAUSE_MS if rate > self._asked_rate else 0)
