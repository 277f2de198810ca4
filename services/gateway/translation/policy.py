"""The simultaneous policy of one target: when a segment is translated, and which words of it are concluded for good.

A segment is translated again and again while its source grows. Ours, `LocalAgreement`, concludes the words on which
successive translations agree. The others are what it is measured against (`bench/quality.py`). Pure: no I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from typing import Protocol

from services.common.text.concluded import common_prefix
from services.gateway.values.speech import Caption, Transcript
from services.gateway.values.terms import Holding

_WORD = re.compile(r"\S+")
REPEATED = 1.0  # a concluded word that the new translation says again behind the cut, or has nowhere
ALIKE = 1.0  # a word left out for which a like one was concluded: "rojo" for "roja"
OTHER = 2.0  # a word left out for which another one was concluded
MOVED = 0.5  # a word left out that was concluded near its place
NEAR = 4  # words to either side: as far as a translation that grows turns words round
LONGEST = 96  # concluded words that are looked at, the last ones: as many as a speaker says in a long segment
LEAST_STEM = 3  # letters at the beginning that like words share, and half of the longer one
LENGTH_RATIO = 3.0  # words of translation for a word of source
SLACK_WORDS = 8  # a short source may have a long translation
REPEATS = 4  # of the same words in a row; a speaker who says something three times is translated
LONGEST_PHRASE = 6  # words


class Policy(Protocol):
    """Decides whether to wait or to conclude."""

    def source(self, said: Transcript) -> str:
        """What of an interim transcript is translated; what it was before: nothing is."""

    def concluded(self, before: list[str], words: list[str], source: str) -> int:
        """How many words are concluded, given those of the translation before, and the source they were made from."""

    def shown(self, words: int, concluded: int) -> int:
        """How many words are shown when so many are concluded: some of the others may be too likely to change."""


@dataclass(frozen=True, slots=True)
class LocalAgreement:
    """Concludes what two successive translations agree on (LocalAgreement-2: Liu et al., 2020, arXiv 2005.11185).

    The last few words are held back: the next source word tends to reorder them.
    """

    held_words: int  # not concluded
    masked_words: int  # not even shown
    first_words: int = 0  # shown while nothing is concluded: whoever waits for a segment's first word sees it come

    def source(self, said: Transcript) -> str:
        """Translate only what the recognizer has concluded."""
        return said.text[: said.stable_length].rstrip()

    def concluded(self, before: list[str], words: list[str], source: str) -> int:
        """Conclude what both translations begin with, save for the words held back."""
        agreed = len(before) if words[: len(before)] == before else common_prefix(before, words)
        return min(agreed, len(words) - self.held_words)

    def shown(self, words: int, concluded: int) -> int:
        """Show all but the masked words; while nothing is concluded, at least the first ones."""
        least = concluded or min(words, self.first_words)
        return max(least, words - self.masked_words)


@dataclass(frozen=True, slots=True)
class WaitK:
    """Starts `k` source words late, then concludes a word for each (Ma et al., 2019, arXiv 1810.08398)."""

    k: int

    def source(self, said: Transcript) -> str:
        """Translate what the recognizer has concluded."""
        return said.stable_text

    def concluded(self, before: list[str], words: list[str], source: str) -> int:
        """Conclude a word for each source word from the k-th on."""
        return min(len(words), len(_WORD.findall(source)) - self.k + 1)

    def shown(self, words: int, concluded: int) -> int:
        """Show the concluded words alone."""
        return concluded


@dataclass(frozen=True, slots=True)
class Endpointed:
    """Translates nothing before the end of the segment, as turn-based systems do."""

    def source(self, said: Transcript) -> str:
        """Translate nothing of an interim transcript."""
        return ""

    def concluded(self, before: list[str], words: list[str], source: str) -> int:
        """Conclude nothing before the final."""
        return 0

    def shown(self, words: int, concluded: int) -> int:
        """Show the concluded words alone."""
        return concluded


@dataclass(frozen=True, slots=True)
class Retranslate:
    """Shows every translation of everything heard, and concludes nothing before the end."""

    def source(self, said: Transcript) -> str:
        """Translate all of an interim transcript, its tentative words too."""
        return said.text

    def concluded(self, before: list[str], words: list[str], source: str) -> int:
        """Conclude nothing before the final."""
        return 0

    def shown(self, words: int, concluded: int) -> int:
        """Show every word, concluded or not."""
        return words


def policy_of(holding: Holding) -> Policy:
    """The policy that was agreed: "agreement", "endpointed", "retranslate", or "wait-" and how many words."""
    kind, _, count = holding.policy.partition("-")
    match kind:
        case "wait":
            return WaitK(int(count))
        case "endpointed":
            return Endpointed()
        case "retranslate":
            return Retranslate()
        case _:
            return LocalAgreement(holding.held_words, holding.masked_words, holding.first_words)


class TargetText:
    """The translation of one segment into one language, as it grows.

    Whatever the translator says next, the text shown starts with what was concluded before: the new translation is
    aligned behind it. The final does too. `concluded` is what a resumed session's client has already.
    """

    def __init__(self, policy: Policy, concluded: str = "") -> None:
        self._policy = policy
        self._concluded = _WORD.findall(concluded)
        self._words = self._concluded  # and tentative ones

    @property
    def concluded(self) -> str:
        """The part of the translation that will not change any more."""
        return " ".join(self._concluded)

    def revise(self, translation: str, source: str) -> Caption:
        """Take in the translation of a longer source."""
        before, self._words = self._words, self._behind_concluded(translation)
        concluded = self._policy.concluded(before, self._words, source)
        if concluded > len(self._concluded):
            self._concluded = self._words[:concluded]
        shown = self._policy.shown(len(self._words), len(self._concluded))
        return self._caption(self._words[:shown], final=False)

    def conclude_all(self, translation: str) -> Caption:
        """Take in the translation of the final source: all of it is concluded."""
        contradicts = contradicted(self._concluded, _WORD.findall(translation))
        self._concluded = self._words = self._behind_concluded(translation)
        caption = self._caption(self._words, final=True)
        return replace(caption, retranslation=translation) if contradicts else caption

    def conclude(self) -> Caption:
        """Ends the text where it stands: what was not concluded is left out."""
        return self._caption(self._concluded, final=True)

    def _behind_concluded(self, translation: str) -> list[str]:
        words = _WORD.findall(translation)
        return self._concluded + words[alignment(self._concluded, words) :]

    def _caption(self, shown: list[str], final: bool) -> Caption:
        return Caption(" ".join(shown), len(" ".join(self._concluded)), final)


def alignment(concluded: Sequence[str], words: Sequence[str]) -> int:
    """How many of `words` say what `concluded` says: what follows them is said behind it.

    Of cuts at equal cost the earliest counts: a word said twice is better than one never said.
    """
    if list(words[: len(concluded)]) == list(concluded):
        return len(concluded)
    said, new = list(map(bare, concluded)), list(map(bare, words))
    if new[: len(said)] == said:
        return len(said)
    skipped = max(0, len(said) - LONGEST)
    return skipped + _cut(said[skipped:], new[skipped : skipped + 2 * LONGEST])


def _cut(said: Sequence[str], new: Sequence[str]) -> int:
    """The cheapest cut of words behind concluded ones, both bare; the work is the product of their numbers."""
    moved = [MOVED if _said_near(said, new, place) else inf for place in range(len(new))]
    costs = [0.0, *(inf for _ in new)]  # of each cut, behind the first 0 words of `said`
    for count, word in enumerate(said):
        again = word in near(new, count)  # then no other one stands for it
        row = [REPEATED * (count + 1)]
        for (diagonal, above), candidate, left in zip(pairwise(costs), new, moved, strict=True):
            other = inf if again and word != candidate else _replaced(word, candidate)
            row.append(min(above + REPEATED, diagonal + other, row[-1] + left))
        costs = row
    return costs.index(min(costs))


def contradicted(concluded: Sequence[str], words: Sequence[str]) -> bool:
    """Whether `words` do not begin with what was concluded, save for case and punctuation; none do not contradict."""
    begun = [bare(word) for word in words[: len(concluded)]]
    return bool(words) and begun != [bare(word) for word in concluded]


def near(words: Sequence[str], place: int) -> Sequence[str]:
    """The words around a place, of a text that may be turned round a little."""
    return words[max(0, place - NEAR) : place + NEAR + 1]


def bare(word: str) -> str:
    """A word without case and punctuation: a comma or a capital more does not make another word."""
    return word.strip(".,;:!?¡¿…\"'«»()").casefold()


def _said_near(said: Sequence[str], new: Sequence[str], place: int) -> bool:
    """Whether a new word was concluded near its place, as often as the new text has it there."""
    return near(new, place).count(new[place]) <= near(said, place).count(new[place])


def _replaced(word: str, candidate: str) -> float:
    if word == candidate:
        return 0.0
    stem = common_prefix(word, candidate)
    return ALIKE if stem >= LEAST_STEM and 2 * stem >= max(len(word), len(candidate)) else OTHER


def ran_away(source: str, translation: str) -> bool:
    """Whether a translation cannot be one of its source."""
    return kept(source, translation) < len(translation.split())


def curbed(source: str, translation: str) -> str:
    """The part of a translation from before it ran away; all of it when it did not."""
    words = translation.split()
    count = kept(source, translation)
    return " ".join(words[:count]) if count < len(words) else translation


def kept(source: str, translation: str) -> int:
    """How many of its words a translation keeps: to the end of a phrase's first saying, and no more than is likely."""
    words, spoken = translation.split(), source.split()
    likely = round(LENGTH_RATIO * len(spoken)) + SLACK_WORDS
    if len(words) <= likely and len(words) - len(set(words)) < REPEATS - 1:
        return len(words)  # no word is there so often
    allowed = max(REPEATS, 1 + _most_repeats(spoken))  # what the speaker repeats may be repeated
    repeated = _first_repeated(words, allowed)
    return min(len(words), likely, repeated)


def _first_repeated(words: Sequence[str], allowed: int) -> int:
    """The end of the first saying of the phrase that is said too often in a row; all words without one."""
    starts = []
    for length in range(1, LONGEST_PHRASE + 1):
        for at, count in enumerate(_repeats(words, length)):
            if count >= allowed:
                starts.append((at, length))
                break
    return sum(min(starts)) if starts else len(words)


def _most_repeats(words: Sequence[str]) -> int:
    most = 0
    for length in range(1, LONGEST_PHRASE + 1):
        most = max(most, *_repeats(words, length), 0)
    return most


def _repeats(words: Sequence[str], length: int) -> list[int]:
    """How often the phrase of `length` words that starts at each word is said in a row.

    A phrase is said again as long as each word equals the one a phrase further on. Counted from the end, so that the
    work is that of one pass, however often anything is repeated.
    """
    alike, counts = 0, [1] * len(words)
    for start in range(len(words) - length - 1, -1, -1):
        alike = alike + 1 if words[start] == words[start + length] else 0
        counts[start] = 1 + alike // length
    return counts
