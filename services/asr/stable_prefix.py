"""Which words of a growing hypothesis are concluded: LocalAgreement-n (Liu et al., Interspeech 2020). Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import takewhile

from services.asr.engine import Word


class StablePrefix:
    """Concludes a word once `agreement` successive hypotheses have it at the same place after the concluded ones.

    Concluded words are append-only. A hypothesis that contradicts them is heard only for what it has after their end.
    """

    def __init__(self, agreement: int) -> None:
        self.concluded: tuple[Word, ...] = ()
        self._tails: deque[tuple[str, ...]] = deque(maxlen=agreement)

    def hear(self, hypothesis: Sequence[Word]) -> tuple[Word, ...]:
        """Takes the next hypothesis of the segment; gives its tentative words, those that follow the concluded ones."""
        tail = self._after_concluded(hypothesis)
        self._tails.append(_texts(tail))
        if len(self._tails) < (self._tails.maxlen or 1):
            return tail
        agreed = _common_length(self._tails)
        self.concluded += tail[:agreed]
        for _ in range(len(self._tails)):
            self._tails.append(self._tails.popleft()[agreed:])
        return tail[agreed:]

    def _after_concluded(self, hypothesis: Sequence[Word]) -> tuple[Word, ...]:
        if _texts(hypothesis[: len(self.concluded)]) == _texts(self.concluded):
            return tuple(hypothesis[len(self.concluded) :])
        end_samples = self.concluded[-1].end_samples
        return tuple(word for word in hypothesis if word.start_samples + word.end_samples > 2 * end_samples)


def _texts(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.text for word in words)


def _common_length(sequences: Sequence[tuple[str, ...]]) -> int:
    return sum(1 for _ in takewhile(lambda texts: len(set(texts)) == 1, zip(*sequences, strict=False)))
