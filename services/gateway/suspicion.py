"""Which audio ends recognizers. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MOST_FAILURES = 4  # of recognizers that have nothing in work that could be left out


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the audio clock."""

    from_samples: int
    to_samples: int


class Suspicion:
    """A recognizer that dies may have died of what it was told and had not finalized. One that dies of the same audio
    again proves it; one that gets through clears it. One that says of itself that it failed is not cleared so.
    """

    def __init__(self) -> None:
        self._until_samples = 0  # audio before it is suspected, where it is not finalized
        self._failures = 0  # of recognizers in a row, with as much finalized
        self._failed_at_samples = -1

    @property
    def hopeless(self) -> bool:
        """Whether recognizers fail again and again without having got any further."""
        return self._failures >= MOST_FAILURES

    def failed(self, finalized_samples: int, told_samples: int) -> Stretch | None:
        """A recognizer failed over what it was told, and said so. Gives what two have failed over."""
        if finalized_samples != self._failed_at_samples:
            self._failures, self._failed_at_samples = 0, finalized_samples
        self._failures += 1
        if self._failures > 1 and told_samples > finalized_samples:
            self._until_samples = 0
            return Stretch(finalized_samples, told_samples)
        return self.died(finalized_samples, told_samples)

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
