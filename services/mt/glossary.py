"""Terms with a fixed translation, for an engine that cannot be told of them.

Each term is replaced by a made-up word before the text is translated, and put back in its place afterwards. A
translator by rules takes the word for a name it does not know: it keeps it whole, finds its place in the sentence, and
inflects what stands around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from services.common.terminology import Occurrence, Term, occurrences

_LETTERS = "bcdfghjklmnpqrstvwxz"  # with a consonant before and behind, no article changes because of it
_STEM = "xqz"


@dataclass(frozen=True, slots=True)
class Standin:
    """A made-up word, and what it stands for."""

    word: str  # lower-case
    written: str  # what goes in its place
    kept: bool  # it is never given another capital

    def put_back(self, found: str, begins: bool) -> str:
        """What replaces the word as it was found; `begins` where a sentence does."""
        if begins and not self.kept and found[0].isupper() and self.written.islower():
            return self.written[0].upper() + self.written[1:]
        return self.written


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with made-up words for its terms."""

    text: str
    standins: tuple[Standin, ...] = ()

    @property
    def words(self) -> frozenset[str]:
        """The made-up words, lower-case."""
        return frozenset(standin.word for standin in self.standins)

    def restored(self, translation: str) -> str:
        """The translation with the terms put back. Something the translator glued to one is parted from it."""
        if not self.standins:
            return translation
        known = {standin.word: standin for standin in self.standins}

        def put_back(match: re.Match[str]) -> str:
            before, after = translation[: match.start()], translation[match.end() :]
            begins = not before.rstrip(" \"'¿¡(«“") or before.rstrip(" \"'¿¡(«“")[-1] in ".!?…\n"
            written = known[match["word"].lower()].put_back(match["word"], begins)
            stop = "" if written.endswith(".") else match["stop"]
            return " " * before[-1:].isalnum() + written + stop + " " * after[:1].isalnum()

        return re.sub(rf"(?P<word>{'|'.join(known)})(?P<stop>\.?)", put_back, translation, flags=re.IGNORECASE)


def masked(text: str, terms: Sequence[Term]) -> Masked:
    """A cleaned text with a made-up word for each of its terms, which has the capitals that the term has there."""
    pieces, standins, end = [], [], 0
    words = _unused(text)
    for found in occurrences(text, terms):
        said = text[found.start : found.end]
        word = next(words)
        standins.append(Standin(word, _written(found, said), kept=not found.term.translation))
        pieces += [text[end : found.start], _like(word, said)]
        end = found.end
    return Masked("".join([*pieces, text[end:]]), tuple(standins))


def _unused(text: str) -> Iterator[str]:
    """Words that no dictionary has and the text has not."""
    stem = _STEM
    while stem in text.lower():
        stem += _STEM
    return (f"{stem}{one}a{two}o{three}" for one, two, three in product(_LETTERS, repeat=3))


def _written(found: Occurrence, said: str) -> str:
    """What is required; of a term that is kept, as the glossary writes it, with the ending it has in the text."""
    term = found.term
    if term.translation:
        return term.translation
    same = said[: len(term.source)].casefold() == term.source.casefold()
    return term.source + said[len(term.source) :] if same else said


def _like(word: str, said: str) -> str:
    if said.isupper() and len(said) > 1:
        return word.upper()
    return word.capitalize() if said[:1].isupper() else word
