"""Finds the words of a translation that a term replaces. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.common.text.terminology import Term, composed, occurrences
from services.mt.neural.weights import Array

_SAME_TERM = 0.5  # words that lose so much of what the first one loses belong to it
_EDGE = 2  # so many words at either end of several may not belong to the term
_MOST_PLACED = 4  # words that may stand where the term does: of so many, no more are tried
_LOSES = 0.5  # less of a word's likelihood, as a logarithm, is lost by chance


@dataclass(frozen=True, slots=True)
class Words:
    """A range of a translation's tokens that form words."""

    start: int
    end: int


def missing(text: str, translation: str, terms: Sequence[Term]) -> list[Term]:
    """Return the terms that a translation lacks, each as often as it is missing, in the order of the text."""
    said = [found.term for found in occurrences(composed(text), terms)]
    required = {term: Term(term.required) for term in said}
    held = Counter(found.term for found in occurrences(composed(translation), [*dict.fromkeys(required.values())]))
    left: list[Term] = []
    for term in said:
        if held[required[term]]:
            held[required[term]] -= 1
        else:
            left.append(term)
    return left


def without(text: str, term: Term) -> str:
    """Return the composed text with the term's occurrences removed."""
    text = composed(text)
    for found in reversed(list(occurrences(text, [term]))):
        text = text[: found.start] + text[found.end :].lstrip()
    return text.strip()


def words(begins: Sequence[bool]) -> list[Words]:
    """Return the words that tokens form, given which of the tokens begin one."""
    starts = [place for place, each in enumerate(begins) if each or not place]
    return [Words(start, end) for start, end in zip(starts, [*starts[1:], len(begins)], strict=True)]


def candidates(said: Sequence[Words], loses: Array) -> list[Words]:
    """Return words that may translate a term, the most likely first.

    `loses` tells of each token how much less likely it is, as a logarithm, where the source lacks the term. A word
    takes in its neighbours that lose nearly as much.
    """
    losses = np.array([loses[word.start : word.end].sum() for word in said])
    found = []
    for first in np.argsort(-losses, kind="stable"):
        if losses[first] < _LOSES:
            break
        start = end = int(first)
        while start > 0 and losses[start - 1] >= _SAME_TERM * losses[first]:
            start -= 1
        while end + 1 < len(said) and losses[end + 1] >= _SAME_TERM * losses[first]:
            end += 1
        found.append(Words(said[start].start, said[end].end))
    return found


def places(said: Sequence[Words], loses: Array, found: Words, short: Sequence[bool]) -> list[Words]:
    """Return the ranges that a term may take instead of a candidate: the same, fewer or neighbouring words.

    Of "do carro" both are lost with "car", and "do" perhaps more; yet the sentence needs it, and not "carro". So of
    words around a term those that are `short` stay, as articles and prepositions mostly are, if any others are lost;
    where the candidate has only short ones, the words beside it are tried as well.
    """
    losses = [loses[word.start : word.end].sum() for word in said]
    first, last = (
        next(index for index, word in enumerate(said) if word.start <= place < word.end)
        for place in (found.start, found.end - 1)
    )
    if all(short[first : last + 1]) and last - first + 1 < _MOST_PLACED:
        first -= first > 0 and bool(losses[first - 1] >= _LOSES)
        last += last + 1 < len(said) and bool(losses[last + 1] >= _LOSES)
    spans = [(one, other) for one in range(first, last + 1) for other in range(one, last + 1)]
    near = [
        Words(said[one].start, said[other].end)
        for one, other in spans
        if one - first <= _EDGE and last - other <= _EDGE and not (short[one] or short[other])
    ]
    return sorted(near, key=lambda each: each != found) or [found]
