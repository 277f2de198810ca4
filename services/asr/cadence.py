"""Decides how often an engine makes a hypothesis. Pure; lengths in samples."""

from __future__ import annotations

from services.asr.engine import Speech
from services.common.audio.pcm import ASR_RATE

PATIENT_SAMPLES = 500 * ASR_RATE // 1000  # so much waits where a client sends long chunks, or for a moment
BUSY_SHARE = 0.5  # of a session's time, at most, passes while it waits for its hypotheses
MOST_STRETCHED = 4  # a session that is far behind still gets hypotheses, so many times as far apart
_WAIT_GAIN = 1 / 4


class Cadence:
    """Decides when a hypothesis is made: after each interval of speech, or a longer one while much audio waits for
    the engine, and as rarely as allowed in a session that is hurried. Where the engine records how long its
    hypotheses take, they come less often while it is slow. Where it records that a segment has words, they may come
    sooner until then, so that a first word is shown early.

    What a hypothesis costs, its translations included, is then spent on getting through what waits.
    """

    def __init__(self, interval_samples: int, first_samples: int = 0) -> None:
        """Set the intervals, in samples: the usual one, and a shorter one that holds until `worded`."""
        self._interval_samples = interval_samples
        self._first_samples = min(interval_samples, first_samples or interval_samples)
        self._worded = False
        self._since_samples = 0  # speech since a hypothesis was due
        self._wait_samples = 0.0  # time that hypotheses took of late, a running mean

    def due(self, speech: Speech) -> bool:
        """Count this speech, and return whether a hypothesis is to be made with it."""
        self._since_samples += len(speech.pcm)
        rested = max(self._interval_samples if self._worded else self._first_samples, self._wait_samples / BUSY_SHARE)
        stretched = round(rested) + max(0, speech.waiting_samples - PATIENT_SAMPLES)
        most_samples = MOST_STRETCHED * self._interval_samples
        interval_samples = most_samples if speech.hurried else min(stretched, most_samples)
        if self._since_samples < interval_samples:
            return False
        self._since_samples %= interval_samples  # speech comes in pieces of whole frames, which fit no interval
        return True

    def answered(self, seconds: float) -> None:
        """Record how many seconds a hypothesis took: where that is long, hypotheses gradually come less often."""
        self._wait_samples += _WAIT_GAIN * (seconds * ASR_RATE - self._wait_samples)

    def worded(self) -> None:
        """Record that the open segment has words."""
        self._worded = True

    def restart(self) -> None:
        """Start a new interval: a segment ended, and the next one begins."""
        self._since_samples = 0
        self._worded = False
