"""Masks terms with a fixed translation, for an engine that takes no terms itself.

Each term is replaced by another word before the text is translated, and put back in its place afterwards. A
translator by rules takes a made-up word for a name it does not know: it keeps it whole and finds its place in the
sentence. A noun that it does know (`agreement`) has what stands around it inflected as well, but may be lost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import product

from services.common.text.terminology import Occurrence, Term, occurrences

_LETTERS = "bcdfghjklmnpqrstvwxz"  # with a consonant before and behind, no article changes because of it
_STEM = "xqz"


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun and its translation, both in lower case, which may stand in for a term."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Standin:
    """A stand-in word of the translation, and the term's text that replaces it."""

    word: str  # lower-case
    written: str  # what goes in its place
    kept: bool  # it is never given another capital
    made_up: bool = True  # else it is a noun that the translator knows

    def put_back(self, found: str, begins: bool) -> str:
        """Return the text that replaces the word as found; `begins` where a sentence begins with it."""
        if begins and not self.kept and found[0].isupper() and self.written.islower():
            return self.written[0].upper() + self.written[1:]
        return self.written


@dataclass(frozen=True, slots=True)
class Masked:
    """A text in which each term is replaced by a stand-in word."""

    text: str
    standins: tuple[Standin, ...] = ()

    @property
    def words(self) -> frozenset[str]:
        """The made-up stand-in words, in lower case."""
        return frozenset(standin.word for standin in self.standins if standin.made_up)

    def whole(self, translation: str) -> bool:
        """Return whether each stand-in is in the translation once: a noun may also have been used by the text
        itself.
        """
        found = Counter(match["word"].lower() for match in self._pattern.finditer(translation))
        return not self.standins or all(found[standin.word] == 1 for standin in self.standins)

    @property
    def _pattern(self) -> re.Pattern[str]:
        words = "|".join(
            standin.word if standin.made_up else rf"(?<!\w){standin.word}(?!\w)" for standin in self.standins
        )
        return re.compile(rf"(?P<word>{words})(?P<stop>\.?)", re.IGNORECASE)

    def restored(self, translation: str) -> str:
        """Return the translation with the terms put back, separated from anything the translator glued to a
        stand-in.
        """
        if not self.standins:
            return translation
        known = {standin.word: standin for standin in self.standins}

        def put_back(match: re.Match[str]) -> str:
            before, after = translation[: match.start()], translation[match.end() :]
            begins = not before.rstrip(" \"'¿¡(«“") or before.rstrip(" \"'¿¡(«“")[-1] in ".!?…\n"
            written = known[match["word"].lower()].put_back(match["word"], begins)
            stop = "" if written.endswith(".") else match["stop"]
            return " " * before[-1:].isalnum() + written + stop + " " * after[:1].isalnum()

        return self._pattern.sub(put_back, translation)


def masked(text: str, terms: Sequence[Term], nouns: Mapping[Term, Sequence[Noun]] | None = None) -> Masked:
    """Return a cleaned text with a stand-in word for each of its terms, capitalized as the term is there.

    One of its `nouns`, each taken once, where there are some left; else a made-up one.
    """
    pieces, standins, end = [], [], 0
    words, taken = unused(text), set[Noun]()
    for found in occurrences(text, terms):
        said = text[found.start : found.end]
        noun = next((each for each in (nouns or {}).get(found.term, ()) if _free(each, text, taken)), None)
        word = next(words) if noun is None else noun.source
        if noun is not None:
            taken.add(noun)
        target = word if noun is None else noun.target
        standins.append(Standin(target, _written(found, said), not found.term.translation, made_up=noun is None))
        pieces += [text[end : found.start], _like(word, said)]
        end = found.end
    return Masked("".join([*pieces, text[end:]]), tuple(standins))


def _free(noun: Noun, text: str, taken: Set[Noun]) -> bool:
    """Return whether a noun is unused in the text and by other terms, in singular and plural."""
    stem = noun.source.removesuffix("s")
    return stem not in text.lower() and all(stem != other.source.removesuffix("s") for other in taken)


def unused(text: str) -> Iterator[str]:
    """Yield made-up words that are in no dictionary and not in the text."""
    stem = _STEM
    while stem in text.lower():
        stem += _STEM
    return (f"{stem}{one}a{two}o{three}" for one, two, three in product(_LETTERS, repeat=3))


def _written(found: Occurrence, said: str) -> str:
    """Return the required translation; for a kept term, the glossary's spelling with the ending found in the text."""
    term = found.term
    if term.translation:
        return term.translation
    same = said[: len(term.source)].casefold() == term.source.casefold()
    return term.source + said[len(term.source) :] if same else said


def _like(word: str, said: str) -> str:
    if said.isupper() and len(said) > 1:
        return word.upper()
    return word.capitalize() if said[:1].isupper() else word
