"""Which words of a growing hypothesis are concluded: LocalAgreement-n, hold-n (Liu et al., Interspeech 2020). Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import takewhile

from services.asr.engine import Hypothesis, PrefixRules, Word

_MARKS = '.,;:!?\u2026-\u2013\u2014"\u201c\u201d()[]'


class StablePrefix:
    """Concludes a word once the rules hold for it and for all words before it.

    Hypotheses agree on a word when they have it at the same place after the concluded ones. Concluded words are
    append-only. A hypothesis that contradicts them is heard only for what it has after their end.
    """

    def __init__(self, rules: PrefixRules) -> None:
        self.concluded: tuple[Word, ...] = ()
        self._rules = rules
        self._tails: deque[tuple[str, ...]] = deque(maxlen=rules.agreement)

    def hear(self, hypothesis: Hypothesis) -> tuple[Word, ...]:
        """Takes the next hypothesis of the segment; gives its tentative words, those that follow the concluded ones."""
        tail = self._after_concluded(hypothesis.words)
        self._tails.append(_texts(tail))
        if len(self._tails) < self._rules.agreement:
            return tail
        sure = min(_common_length(self._tails), self._allowed(hypothesis, len(tail)))
        self.concluded += tail[:sure]
        for _ in range(len(self._tails)):
            self._tails.append(self._tails.popleft()[sure:])
        return tail[sure:]

    def _allowed(self, hypothesis: Hypothesis, following: int) -> int:
        """How many of the words that follow the concluded ones the other rules let through."""
        allowed = following - self._rules.held_words
        if self._rules.engine_told:
            allowed = min(allowed, following - (len(hypothesis.words) - hypothesis.stable_words))
        return max(0, allowed)

    def _after_concluded(self, words: Sequence[Word]) -> tuple[Word, ...]:
        if _texts(words[: len(self.concluded)]) == _texts(self.concluded):
            return tuple(words[len(self.concluded) :])
        end_samples = self.concluded[-1].end_samples
        return tuple(word for word in words if word.start_samples + word.end_samples > 2 * end_samples)


def key(text: str) -> str:
    """Return what makes two written words the same: their letters, not their capitals nor the marks around them."""
    return text.strip(_MARKS).casefold() or text


def _texts(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(key(word.text) for word in words)


def _common_length(sequences: Sequence[tuple[str, ...]]) -> int:
    return sum(1 for _ in takewhile(lambda texts: len(set(texts)) == 1, zip(*sequences, strict=False)))
