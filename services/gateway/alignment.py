"""Where a new translation goes on behind the words that were concluded before. Pure.

The new translation has words for what was concluded, the same or others, and then more. The cut between the two is
found by a weighted edit distance. A word that is left out says something the listener never gets; a word said twice
only takes time. So a word is left out only for one that was concluded in its place: the same one, or another one where
that saves more repetition than it costs. A word for which none was concluded is always said.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import inf

REPEATED = 1.0  # a concluded word that the new translation says again behind the cut, or has nowhere
ALIKE = 1.0  # a word left out for which a like one was concluded: "rojo" for "roja"
OTHER = 2.0  # a word left out for which another one was concluded

LEAST_STEM = 3  # letters at the beginning that like words share, and half of the longer one


def alignment(concluded: Sequence[str], words: Sequence[str]) -> int:
    """How many of `words` say what `concluded` says: what follows them is said behind it.

    Of cuts at equal cost the earliest counts: a word said twice is better than one never said.
    """
    said, new = [bare(word) for word in concluded], [bare(word) for word in words]
    costs = [0.0, *(inf for _ in new)]  # of each cut, behind the first 0 words of `said`
    for count, word in enumerate(said, start=1):
        row = [REPEATED * count]
        for (diagonal, above), candidate in zip(pairwise(costs), new, strict=True):
            row.append(min(above + REPEATED, diagonal + _replaced(word, candidate)))
        costs = row
    return costs.index(min(costs))


def contradicted(concluded: Sequence[str], words: Sequence[str]) -> bool:
    """Whether `words` do not begin with what was concluded, save for case and punctuation; none do not contradict."""
    begun = [bare(word) for word in words[: len(concluded)]]
    return bool(words) and begun != [bare(word) for word in concluded]


def common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words two texts share from their start."""
    for count, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return count
    return min(len(one), len(other))


def bare(word: str) -> str:
    """A word without case and punctuation: a comma or a capital more does not make another word."""
    return word.strip(".,;:!?¡¿…\"'«»()").casefold()


def _replaced(word: str, candidate: str) -> float:
    if word == candidate:
        return 0.0
    stem = common_prefix(word, candidate)
    return ALIKE if stem >= LEAST_STEM and 2 * stem >= max(len(word), len(candidate)) else OTHER
