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
MOVED = 0.5  # a word left out that was concluded near its place
NEAR = 4  # words to either side: as far as a translation that grows turns words round

LONGEST = 96  # concluded words that are looked at, the last ones: as many as a speaker says in a long segment

LEAST_STEM = 3  # letters at the beginning that like words share, and half of the longer one


def alignment(concluded: Sequence[str], words: Sequence[str]) -> int:
    """How many of `words` say what `concluded` says: what follows them is said behind it.

    Of cuts at equal cost the earliest counts: a word said twice is better than one never said.
    """
    said, new = [bare(word) for word in concluded], [bare(word) for word in words]
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


def common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words two texts share from their start."""
    for count, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return count
    return min(len(one), len(other))


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
