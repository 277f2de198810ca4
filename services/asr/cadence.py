"""How often an engine makes a hypothesis. Pure; lengths in samples."""

from __future__ import annotations

from services.asr.engine import Speech
from services.common.audio.pcm import ASR_RATE

PATIENT_SAMPLES = 500 * ASR_RATE // 1000  # so much waits where a client sends long chunks, or for a moment
BUSY_SHARE = 0.5  # of a session's time, at most, passes while it waits for its hypotheses
MOST_STRETCHED = 4  # a session that is far behind still gets hypotheses, so many times as far apart
_WAIT_GAIN = 1 / 4


class Cadence:
    """A hypothesis for every so much speech; while much audio waits for the engine, for so much more; and as few as
    there may be of a session that is hurried.
    An engine that notes how long its hypotheses take makes fewer of them while it is slow. One that tells when a
    segment has words may have them come sooner until then: who waits for the first word sees it come.

    What a hypothesis costs, its translations included, is then spent on getting through what waits.
    """

    def __init__(self, interval_samples: int, first_samples: int = 0) -> None:
        """Make one for every so much speech; until `worded`, for every `first_samples`, where that is less."""
        self._interval_samples = interval_samples
        self._first_samples = min(interval_samples, first_samples or interval_samples)
        self._worded = False
        self._since_samples = 0  # speech since a hypothesis was due
        self._wait_samples = 0.0  # time that hypotheses took of late, a running mean

    def due(self, speech: Speech) -> bool:
        """Whether a hypothesis is to be made with this speech."""
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
        """Take note of how long a hypothesis took: where that is long, they come less often, little by little."""
        self._wait_samples += _WAIT_GAIN * (seconds * ASR_RATE - self._wait_samples)

    def worded(self) -> None:
        """Take note that the segment has words."""
        self._worded = True

    def restart(self) -> None:
        """A segment ended."""
        self._since_samples = 0
        self._worded = False
