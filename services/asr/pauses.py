"""How long a speaker pauses within what they say, as running statistics. Pure; lengths in samples."""

from __future__ import annotations

from dataclasses import dataclass

from services.asr.silero import FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class Pauses:
    """Running mean and deviation of a speaker's pauses, in samples.

    The estimator is that of RFC 6298, section 2, with pauses in place of a network's round-trip times: both predict
    how long a wait shows that nothing more will come.
    """

    mean_samples: float
    deviation_samples: float

    SHORTEST_SAMPLES = 3 * FRAME_SAMPLES  # shorter ones are the closures of stops, within words
    _MEAN_GAIN = 1 / 8
    _DEVIATION_GAIN = 1 / 4
    _DEVIATIONS = 4

    @classmethod
    def of_a_stranger(cls, most_samples: int) -> Pauses:
        """Return the statistics to assume of a new speaker, for whom `most_samples` of silence are awaited."""
        return cls(most_samples / 2, most_samples / 2 / cls._DEVIATIONS)

    def hear(self, pause_samples: int) -> Pauses:
        """Return the statistics updated with one more pause; very short ones are ignored."""
        if pause_samples < self.SHORTEST_SAMPLES:
            return self
        error = abs(pause_samples - self.mean_samples)
        return Pauses(
            self.mean_samples + self._MEAN_GAIN * (pause_samples - self.mean_samples),
            self.deviation_samples + self._DEVIATION_GAIN * (error - self.deviation_samples),
        )

    @property
    def longest_samples(self) -> int:
        """Length in samples that the speaker's pauses hardly ever exceed."""
        return round(self.mean_samples + self._DEVIATIONS * self.deviation_samples)
