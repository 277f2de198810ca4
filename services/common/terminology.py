"""Terms with a fixed translation: where they stand in a text, and whether a translation honours them. Pure.

The gateway, which knows the glossary, and the translation stage, which honours it, must find the same terms.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

_INFLECTED_LENGTH = 4  # "new" has no plural "news"
_ACRONYM_LENGTH = 2
_KNOWN_PATTERNS = 256  # compiled patterns kept: the terms of the open segments of so many sessions and targets
_APOSTROPHES = "['\u2019]"


@dataclass(frozen=True, slots=True)
class Term:
    """A term, both sides in composed form (NFC)."""

    source: str
    translation: str = ""  # empty: the term is kept as it is

    @property
    def required(self) -> str:
        """What the translation has to hold."""
        return self.translation or self.source


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A term in a text, at code points `start` to `end`."""

    term: Term
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Use:
    """What became of a term in a translation."""

    term: Term
    occurrences: int  # in the source
    honoured: bool  # whether the translation holds as many


def composed(text: str) -> str:
    """The text with each letter and its accent as one: the form in which terms are compared."""
    return unicodedata.normalize("NFC", text)


def occurrences(text: str, terms: Sequence[Term], plurals: bool = True) -> Iterator[Occurrence]:
    """Where terms stand in a composed text, in order: whole words, the longest of those that overlap.

    Case does not matter, except to a term in capitals: "US" is not "us". With `plurals`, a plural counts as its
    singular, unless it is a term itself.
    """
    folded = text.casefold()
    likely = [term for term in terms if _beginning(term.source) in folded]
    if likely:
        sources = tuple(term.source for term in likely)
        for found in _pattern(sources, frozenset(sources) if plurals else frozenset(), exact=True).finditer(text):
            yield Occurrence(likely[_which(found)], found.start(), found.end())


def uses(text: str, translation: str, terms: Sequence[Term]) -> tuple[Use, ...]:
    """The terms that a text holds, in order of their first place, and whether its translation honours each.

    It does when it holds what is required as often as the text holds terms that require it.
    """
    found = Counter(occurrence.term for occurrence in occurrences(composed(text), terms))
    wanted: Counter[str] = Counter()
    for term, count in found.items():
        wanted[term.required.casefold()] += count
    held = _held(composed(translation), list(found))
    return tuple(
        Use(term, count, held[term.required.casefold()] >= wanted[term.required.casefold()])
        for term, count in found.items()
    )


def _held(translation: str, terms: Sequence[Term]) -> Counter[str]:
    """How often each required text stands in a translation; one inside a longer one does not count.

    A term that is kept may be kept in its plural.
    """
    held: Counter[str] = Counter()
    kept = frozenset(term.source for term in terms if not term.translation)
    sources = tuple(dict.fromkeys(term.required for term in terms))
    if sources:
        for found in _pattern(sources, kept, exact=False).finditer(translation):
            held[sources[_which(found)].casefold()] += 1
    return held


def _beginning(source: str) -> str:
    """What of a term is in every text that holds it: a quick look spares most terms the pattern."""
    return re.split(r"[\s'\u2019]", source[:-1] or source)[0].casefold()


def _which(found: re.Match[str]) -> int:
    assert found.lastgroup is not None
    return int(found.lastgroup[1:])


@lru_cache(_KNOWN_PATTERNS)
def _pattern(sources: tuple[str, ...], inflected: frozenset[str], exact: bool) -> re.Pattern[str]:
    """Finds the longest source at each place, in the group named after its index.

    Plurals of those `inflected` are found as well; `exact` where capitals are told from small letters.
    """
    longest_first = sorted(enumerate(sources), key=lambda item: -len(item[1]))
    plain = [f"(?P<t{index}>{_case(source, _words(source), exact)})" for index, source in longest_first]
    plural = [
        f"(?P<p{index}>{_case(source, _plural(source), exact)})"
        for index, source in longest_first
        if source in inflected and _plural(source)
    ]
    return re.compile(rf"(?<!\w)(?:{'|'.join(plain + plural)})(?!\w)")


def _case(source: str, pattern: str, exact: bool) -> str:
    acronym = source.isupper() and len(source) >= _ACRONYM_LENGTH
    return pattern if exact and acronym else f"(?i:{pattern})"


def _words(source: str) -> str:
    words = (re.escape(word).replace("'", _APOSTROPHES) for word in source.split())
    return r"\s+".join(words)


def _plural(source: str) -> str:
    """A pattern for the plural as many languages of Europe write it; empty for what hardly has one."""
    if (len(source) < _INFLECTED_LENGTH and not source.isupper()) or not source[-1].isalpha():
        return ""
    stem = _words(source[:-1]) + "ies" if source[-1] in "yY" else ""
    return "|".join(filter(None, (stem, f"{_words(source)}(?:es|s)")))
