"""Terms with a fixed translation: finds them in a text, and checks whether a translation honours them. Pure.

The gateway, which knows the glossary, and the translation stage, which honours it, must find the same terms.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.common.text.term_trie import Finder

_PIECE = 256  # code points that are composed at once


@dataclass(frozen=True, slots=True)
class Term:
    """A glossary term and its translation, both in composed form (NFC)."""

    source: str
    translation: str = ""  # empty: the term is kept as it is

    @property
    def required(self) -> str:
        """The text that the translation must hold: the term's translation, or the term itself."""
        return self.translation or self.source


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A term in a text, at code points `start` to `end`."""

    term: Term
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Use:
    """How often a text holds a term, and whether its translation honours it."""

    term: Term
    occurrences: int  # in the source
    honoured: bool  # whether the translation holds as many


def composed(text: str) -> str:
    """Return the text in composed form (NFC), each letter with its accent as one: the form in which terms are
    compared.

    To put thousands of accents of one letter in order takes the square of their number, so no piece is that long.
    """
    return text if text.isascii() else "".join(unicodedata.normalize("NFC", piece) for piece in _pieces(text))


def _pieces(text: str) -> Iterator[str]:
    """Yield the text in pieces, cut where composition cannot cross, or anywhere where there is no such place for
    long.
    """
    start = 0
    while len(text) - start > _PIECE:
        places = range(start + _PIECE // 2, start + _PIECE)
        end = next((place for place in places if _stands_alone(text[place])), start + _PIECE)
        yield text[start:end]
        start = end
    yield text[start:]


def _stands_alone(char: str) -> bool:
    """Return whether a character never composes with the one before it."""
    return unicodedata.category(char)[0] in "LNPSZ" and not "\u1160" <= char <= "\u11ff"  # those are parts of Hangul


def finder(terms: Sequence[Term], plurals: bool = True) -> Finder:
    """Return a finder of these terms, for repeated use by `occurrences`."""
    sources = [term.source for term in terms]
    return Finder(sources, frozenset(sources) if plurals else frozenset())


def occurrences(
    text: str, terms: Sequence[Term], plurals: bool = True, known: Finder | None = None
) -> Iterator[Occurrence]:
    """Yield the places of terms in a composed text, in order: whole words, the longest of those that overlap.

    Case does not matter, except to a term in capitals: "US" is not "us". With `plurals`, a plural counts as its
    singular, unless it is a term itself. `known` is the `finder` of these terms, where there is one.
    """
    for place in (known or finder(terms, plurals)).places(text) if terms else ():
        yield Occurrence(terms[place.index], place.start, place.end)


def uses(text: str, translation: str, terms: Sequence[Term], known: Finder | None = None) -> tuple[Use, ...]:
    """Return the terms that a text holds, in order of their first place, and whether its translation honours each.

    It does when it holds what is required as often as the text holds terms that require it.
    """
    found = Counter(occurrence.term for occurrence in occurrences(composed(text), terms, known=known))
    wanted: Counter[str] = Counter()
    for term, count in found.items():
        wanted[term.required.casefold()] += count
    held = _held(composed(translation), list(found))
    return tuple(
        Use(term, count, held[term.required.casefold()] >= wanted[term.required.casefold()])
        for term, count in found.items()
    )


def _held(translation: str, terms: Sequence[Term]) -> Counter[str]:
    """Return how often each required text is in a translation; one inside a longer one does not count.

    A term that is kept may be kept in its plural.
    """
    kept = frozenset(term.source for term in terms if not term.translation)
    sources = tuple(dict.fromkeys(term.required for term in terms))
    places = Finder(sources, kept, exact=False).places(translation) if sources else ()
    return Counter(sources[place.index].casefold() for place in places)
