"""Remembers a sentence's earlier translation, whose beginning the next one keeps, so that text does not flicker.
Pure.

A hint only, in memory and bounded: without it the answer is made anew, as on another replica.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import takewhile

from services.mt.engine import Pair
from services.mt.recent import Recent

SENTENCES = 4  # kept of a session: those that a segment grows by
LEAST_COMMON = 4  # words that a revision shares with the one before
FREE_WORDS = 5  # at the end of what was made, which the words that come may change
MOST_SESSIONS = 1_000


@dataclass(frozen=True, slots=True)
class _Revision:
    source: tuple[str, ...]
    made: tuple[str, ...]
    prefix: str  # that it was made with


class Revisions:
    """The last sentences of each session, with their translations by each step."""

    def __init__(self, seconds: float = math.inf) -> None:
        """Those of a session that asked for nothing within some seconds are dropped by `forget`."""
        self._kept: Recent[tuple[int, Pair], deque[_Revision]] = Recent(MOST_SESSIONS, seconds)

    def prefix(self, session: int, pair: Pair, text: str) -> str:
        """Return how the translation of a sentence should begin; empty where no earlier revision is known.

        For a sentence that was asked before it is the same again.
        """
        words = tuple(text.split())
        known = self._kept.get((session, pair)) or ()
        same = next((revision for revision in known if revision.source == words), None)
        if same is not None:
            return same.prefix
        nearest = max(known, key=lambda revision: _common(revision.source, words), default=None)
        if nearest is None or _common(nearest.source, words) < LEAST_COMMON:
            return ""
        share = _common(nearest.source, words) / len(nearest.source)
        return " ".join(nearest.made[: max(0, int(len(nearest.made) * share) - FREE_WORDS)])

    def keep(self, session: int, pair: Pair, text: str, made: str, prefix: str) -> None:
        """Store the translation of a sentence, replacing the revision that it continues."""
        kept = self._kept.get((session, pair)) or deque(maxlen=SENTENCES)
        words = tuple(text.split())
        for revision in [each for each in kept if _common(each.source, words) >= LEAST_COMMON]:
            kept.remove(revision)
        kept.append(_Revision(words, tuple(made.split()), prefix))
        self._kept.put((session, pair), kept)

    def forget(self) -> float:
        """Drop what is too old; return after how many seconds there is more."""
        return self._kept.forget()


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Return how many leading words two sentences share."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
