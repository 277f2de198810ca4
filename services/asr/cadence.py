"""How often an engine makes a hypothesis. Pure; lengths in samples."""

from __future__ import annotations

from services.asr.engine import Speech
from services.common.audio import ASR_RATE

PATIENT_SAMPLES = 500 * ASR_RATE // 1000  # so much waits where a client sends long chunks, or for a moment
MOST_STRETCHED = 4  # a session that is far behind still gets hypotheses, so many times as far apart


class Cadence:
    """A hypothesis for every so much speech; while much audio waits for the engine, for so much more.

    What a hypothesis costs, its translations included, is then spent on getting through what waits.
    """

    def __init__(self, interval_samples: int) -> None:
        self._interval_samples = interval_samples
        self._since_samples = 0  # speech since a hypothesis was due

    def due(self, speech: Speech) -> bool:
        """Whether a hypothesis is to be made with this speech."""
        self._since_samples += len(speech.pcm)
        stretched = self._interval_samples + max(0, speech.waiting_samples - PATIENT_SAMPLES)
        interval_samples = min(stretched, MOST_STRETCHED * self._interval_samples)
        if self._since_samples < interval_samples:
            return False
        self._since_samples %= interval_samples  # speech comes in pieces of whole frames, which fit no interval
        return True

    def restart(self) -> None:
        """A segment ended."""
        self._since_samples = 0
