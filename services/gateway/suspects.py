"""Questions that replicas ended with in work: they may have died of them. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

ROOM = 256  # questions remembered, the newest
SECONDS = 300.0  # after which a question is no longer held against: another replica, or version, may bear it


class Suspects:
    """How many replicas ended with a question in work since it was last answered. Times are seconds on one clock."""

    def __init__(self) -> None:
        self._deaths: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()  # how many, and when the last one was

    def deaths(self, question: Hashable, now: float) -> int:
        """So many."""
        count, last = self._deaths.get(question, (0, now))
        return count if now - last < SECONDS else 0

    def died(self, question: Hashable, now: float) -> None:
        """One more."""
        count = self.deaths(question, now) + 1
        self._deaths.pop(question, None)
        self._deaths[question] = (count, now)
        if len(self._deaths) > ROOM:
            self._deaths.popitem(last=False)

    def answered(self, question: Hashable) -> None:
        """It was innocent."""
        self._deaths.pop(question, None)
