"""How often an engine makes a hypothesis. Pure; lengths in samples."""

from __future__ import annotations

from services.asr.engine import Speech

MOST_STRETCHED = 4  # a session that is far behind still gets hypotheses, so many times as far apart


class Cadence:
    """A hypothesis for every so much speech; while audio waits for the engine, for so much more.

    What a hypothesis costs, its translations included, is then spent on getting through what waits.
    """

    def __init__(self, interval_samples: int) -> None:
        self._interval_samples = interval_samples
        self._since_samples = 0  # speech since the last hypothesis

    def due(self, speech: Speech) -> bool:
        """Whether a hypothesis is to be made with this speech."""
        self._since_samples += len(speech.pcm)
        waited_samples = self._interval_samples + speech.waiting_samples
        if self._since_samples < min(waited_samples, MOST_STRETCHED * self._interval_samples):
            return False
        self._since_samples = 0
        return True

    def restart(self) -> None:
        """A segment ended."""
        self._since_samples = 0
