"""How long a speaker pauses within what they say. Pure; lengths in samples."""

from __future__ import annotations

from dataclasses import dataclass

from services.asr.vad import FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class Pauses:
    """A running mean of a speaker's pauses, and how far they lie from it.

    The estimator of RFC 6298, section 2, with the round-trip times of a network for pauses: both are to tell how long
    a wait means that nothing more will come.
    """

    mean_samples: float
    deviation_samples: float

    SHORTEST_SAMPLES = 3 * FRAME_SAMPLES  # shorter ones are the closures of stops, within words
    _MEAN_GAIN = 1 / 8
    _DEVIATION_GAIN = 1 / 4
    _DEVIATIONS = 4

    @classmethod
    def of_a_stranger(cls, most_samples: int) -> Pauses:
        """Of a speaker not heard yet, for whom `most_samples` of silence are waited for."""
        return cls(most_samples / 2, most_samples / 2 / cls._DEVIATIONS)

    def hear(self, pause_samples: int) -> Pauses:
        """With one pause more."""
        if pause_samples < self.SHORTEST_SAMPLES:
            return self
        error = abs(pause_samples - self.mean_samples)
        return Pauses(
            self.mean_samples + self._MEAN_GAIN * (pause_samples - self.mean_samples),
            self.deviation_samples + self._DEVIATION_GAIN * (error - self.deviation_samples),
        )

    @property
    def longest_samples(self) -> int:
        """What the speaker's pauses hardly ever exceed."""
        return round(self.mean_samples + self._DEVIATIONS * self.deviation_samples)
