"""Concludes words of a growing hypothesis: LocalAgreement-n, hold-n (Liu et al., Interspeech 2020). Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from services.asr.engine import Hypothesis, PrefixRules, Word

_MARKS = '.,;:!?\u2026-\u2013\u2014"\u201c\u201d()[]'


class StablePrefix:
    """Concludes a word once the rules hold for it and for all words before it.

    Hypotheses agree on a word when they have it at the same place after the concluded ones. Concluded words are
    append-only. A hypothesis that contradicts them is heard only for what it has behind them: where its own words for
    them end is found by edit distance, and where that leaves it open, by the words' places in time.
    """

    def __init__(self, rules: PrefixRules) -> None:
        self.concluded: tuple[Word, ...] = ()
        self._rules = rules
        self._tails: deque[tuple[str, ...]] = deque(maxlen=rules.agreement)

    def hear(self, hypothesis: Hypothesis) -> tuple[Word, ...]:
        """Apply the segment's next hypothesis, and return its tentative words, those behind the concluded ones."""
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
        """Return how many of the words behind the concluded ones the rules other than agreement let through."""
        allowed = following - self._rules.held_words
        if self._rules.engine_told:
            allowed = min(allowed, following - (len(hypothesis.words) - hypothesis.stable_words))
        return max(0, allowed)

    def _after_concluded(self, words: Sequence[Word]) -> tuple[Word, ...]:
        concluded, texts = _texts(self.concluded), _texts(words)
        if texts[: len(concluded)] == concluded:
            return tuple(words[len(concluded) :])
        end_samples = self.concluded[-1].end_samples
        costs = _distances(concluded, texts)
        ends = (0, *(word.end_samples for word in words))  # of the words before each cut
        cut = min(range(len(costs)), key=lambda place: (costs[place], abs(ends[place] - end_samples)))
        return tuple(_behind(self.concluded[-1], words[cut:]))


def _behind(last: Word, words: Sequence[Word]) -> Iterator[Word]:
    """Yield the words that begin behind the last concluded one, in a hypothesis that contradicts the concluded
    words.
    """
    for word in words:
        start_samples = max(word.start_samples, last.end_samples, last.start_samples + 1)
        last = replace(word, start_samples=start_samples, end_samples=max(word.end_samples, start_samples))
        yield last


def key(text: str) -> str:
    """Return the key under which two written words count as the same: letters only, without capitals or marks."""
    return text.strip(_MARKS).casefold() or text


def _texts(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(key(word.text) for word in words)


def _distances(concluded: Sequence[str], texts: Sequence[str]) -> list[int]:
    """Return the edit distances in words between the concluded words and the first 0, 1, 2 … of a hypothesis."""
    row = list(range(len(texts) + 1))
    for count, word in enumerate(concluded, start=1):
        above, row = row, [count]
        for place, text in enumerate(texts):
            row.append(min(above[place + 1] + 1, row[place] + 1, above[place] + (word != text)))
    return row


def _common_length(sequences: Sequence[tuple[str, ...]]) -> int:
    return sum(1 for _ in takewhile(lambda texts: len(set(texts)) == 1, zip(*sequences, strict=False)))
