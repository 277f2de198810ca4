"""Which audio ends recognizers. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the audio clock."""

    from_samples: int
    to_samples: int


class Suspicion:
    """A recognizer that dies may have died of what it was told and had not finalized. One that dies of the same audio
    again proves it; one that gets through clears it.
    """

    def __init__(self) -> None:
        self._until_samples = 0  # audio before it is suspected, where it is not finalized

    def died(self, finalized_samples: int, told_samples: int) -> Stretch | None:
        """A recognizer died, told so much beyond what is final. Gives what two have died of."""
        both_samples = min(self._until_samples, told_samples)
        if both_samples > finalized_samples:
            self._until_samples = 0
            return Stretch(finalized_samples, both_samples)
        self._until_samples = max(self._until_samples, told_samples)
        return None

    def passed(self, processed_samples: int) -> None:
        """A later recognizer is through all audio before an offset."""
        if processed_samples >= self._until_samples:
            self._until_samples = 0
