"""Cuts concluded text into clauses to speak, where a voice would breathe. Pure; time is audio samples."""

from __future__ import annotations

import re
from collections.abc import Iterable

from services.common.audio.pcm import ASR_RATE
from services.gateway.leaning import ABBREVIATIONS, bare, elided, leaning

FIRST_WORDS = 3  # the first clause of a segment is short: it decides when the listener hears something
LATER_WORDS = 7  # later ones are longer: a voice needs some words to sound like one
SPARE_WORDS = 5  # a clause that is long enough waits for so many words more to end at a breath
FEWEST_WORDS = 2  # fewer are not worth a breath of their own, unless they are a sentence
WAIT_SAMPLES = 2 * ASR_RATE  # a word concluded so long ago is said, in however short a clause

_CLOSING = "\"'»”)"
_SENTENCE_END = re.compile(r"[.!?…]+$")
_CLAUSE_END = re.compile(r"[,;:—]$")


class Clauses:
    """The cutter of one segment. Whole words go in as they are concluded, clauses come out; together they are the text.

    A clause ends at the end of a sentence, however short. Else it takes a few words, and ends at a comma, or before a
    word that leans on what follows it, or, when none comes, where it does least harm; never behind such a word.
    """

    def __init__(self, lang: str = "") -> None:
        self._leaning = leaning(lang)
        self._words: list[str] = []  # that wait
        self._since: list[int] = []  # when each of them was concluded
        self._wanted = FIRST_WORDS

    def add(self, text: str, at_samples: int = 0) -> list[str]:
        """Takes in words concluded at a moment of the audio clock; gives the clauses that can be spoken now."""
        words = text.split()
        self._words += words
        self._since += [at_samples] * len(words)
        clauses = []
        while (count := self._cut(at_samples)) > 0:
            clauses.append(" ".join(self._words[:count]))
            del self._words[:count], self._since[:count]
            self._wanted = LATER_WORDS
        return clauses

    def finish(self) -> list[str]:
        """Gives what is left, however long it waited: the segment is final."""
        rest = " ".join(self._words)
        self._words, self._since = [], []
        return [rest] if rest else []

    def _cut(self, now_samples: int) -> int:
        """How many words the next clause takes; 0 when it is better to wait."""
        words = self._words[: self._wanted + SPARE_WORDS]
        for count, word in enumerate(words, start=1):
            if _ends_sentence(word) or (_CLAUSE_END.search(word.rstrip(_CLOSING)) and count >= self._enough):
                return count
        if len(words) >= self._wanted:
            if count := self._last(self._breaths(words), least=self._enough):
                return count
            if self._wanted == FIRST_WORDS or len(words) == self._wanted + SPARE_WORDS:
                return self._last(self._ends(words), least=FEWEST_WORDS) or self._overlong(words)
        if words and now_samples - self._since[0] >= WAIT_SAMPLES:
            breath = self._last(self._breaths(words), least=FEWEST_WORDS)
            return breath or self._last(self._ends(words), least=FEWEST_WORDS)
        return 0

    @property
    def _enough(self) -> int:
        return FEWEST_WORDS if self._wanted == FIRST_WORDS else LATER_WORDS // 2 + 1

    def _overlong(self, words: list[str]) -> int:
        """The end of nothing but leaning words, once there are too many to wait for more."""
        return len(words) if len(words) == self._wanted + SPARE_WORDS else 0

    def _breaths(self, words: list[str]) -> Iterable[int]:
        """So many words can be followed by a breath: the next one begins a phrase."""
        ends = self._ends(words)
        return [count for count in ends if count < len(words) and self._begins_phrase(words[count])]

    def _ends(self, words: list[str]) -> list[int]:
        """So many words can be a clause: the last one does not lean on the next."""
        return [count for count, word in enumerate(words, start=1) if bare(word) not in self._leaning]

    def _begins_phrase(self, word: str) -> bool:
        return bare(word) in self._leaning or elided(word)

    @staticmethod
    def _last(counts: Iterable[int], least: int) -> int:
        return max((count for count in counts if count >= least), default=0)


def _ends_sentence(word: str) -> bool:
    shut = word.rstrip(_CLOSING)
    if not _SENTENCE_END.search(shut):
        return False
    initial = len(shut) == 2 and shut[0].isupper()
    return not (shut.endswith(".") and (initial or bare(shut) in ABBREVIATIONS))
