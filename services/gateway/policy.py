"""The simultaneous policy of one target: which words of a translation are concluded, and never taken back.

A segment is translated again and again while its source grows. Words are concluded by LocalAgreement-2 (Liu et al.,
2020, arXiv 2005.11185) between successive translations, less the last few words, which the next source word tends to
reorder. Pure: no I/O, no clock.
"""

from __future__ import annotations

import re
from itertools import pairwise

from services.gateway.terms import Caption

_WORD = re.compile(r"\S+")


class TargetText:
    """One segment in one target language.

    Whatever the translator says next, the text shown starts with what was concluded before: the new translation is
    aligned behind it. The final does too.
    """

    def __init__(self, held_words: int) -> None:
        self._held_words = held_words
        self._concluded: list[str] = []
        self._shown: list[str] = []

    def revise(self, translation: str) -> Caption:
        """Takes in the translation of a longer source. Concludes what it and the one before it agree on."""
        before, self._shown = self._shown, self._behind_concluded(translation)
        agreed = common_prefix(before, self._shown)
        concluded = min(agreed, len(self._shown) - self._held_words)
        if concluded > len(self._concluded):
            self._concluded = self._shown[:concluded]
        return self._caption(final=False)

    def finish(self, translation: str) -> Caption:
        """Takes in the translation of the final source: all of it is concluded."""
        self._shown = self._behind_concluded(translation)
        self._concluded = self._shown
        return self._caption(final=True)

    def _behind_concluded(self, translation: str) -> list[str]:
        words = _WORD.findall(translation)
        return self._concluded + words[alignment(self._concluded, words) :]

    def _caption(self, final: bool) -> Caption:
        return Caption(" ".join(self._shown), len(" ".join(self._concluded)), final)


def common_prefix(one: list[str], other: list[str]) -> int:
    """How many words two texts share from their start."""
    for count, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return count
    return min(len(one), len(other))


def alignment(concluded: list[str], words: list[str]) -> int:
    """How many of `words` say what `concluded` has said already: the prefix nearest to it by edit distance.

    Of equally near prefixes the longest counts: a word said twice is worse than one said differently.
    """
    said, new = [_bare(word) for word in concluded], [_bare(word) for word in words]
    distances = list(range(len(new) + 1))  # from the first 0 words of `said` to each prefix of `new`
    for count, word in enumerate(said, start=1):
        row = [count]
        for (diagonal, above), candidate in zip(pairwise(distances), new, strict=True):
            row.append(min(above + 1, row[-1] + 1, diagonal + (word != candidate)))
        distances = row
    nearest = min(distances)
    return max(length for length, distance in enumerate(distances) if distance == nearest)


def _bare(word: str) -> str:
    return word.strip(".,;:!?¡¿…\"'«»()").casefold()  # a comma or a capital more does not make another word
