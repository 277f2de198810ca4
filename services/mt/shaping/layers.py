"""Reversible changes to a sentence before it is translated. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from services.mt.engine import Pair
from services.mt.shaping import numbers
from services.mt.shaping.languages import Quotes


class Layer(Protocol):
    """A change that was made to a sentence, with its way back."""

    def prefixed(self, prefix: str) -> str:
        """Return a translation's beginning as the translator would have written it for the changed sentence."""

    def restored(self, translation: str) -> str:
        """Return the translation with the change undone, as a reader is to see it."""

    def whole(self, translation: str) -> bool:
        """Return whether the translation holds all that must come back."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A text that is copied letter for letter, and what it was glued to."""

    text: str
    glued_before: bool = False  # whether no space parts it from the word before
    glued_behind: bool = False


@dataclass(frozen=True, slots=True)
class Literals:
    """Texts that are copied, each replaced by a stand-in word."""

    standins: Mapping[str, Copied]  # by words in small letters

    def prefixed(self, prefix: str) -> str:
        """Return the prefix with stand-in words for the copied texts."""
        for word, copied in sorted(self.standins.items(), key=lambda item: -len(item[1].text)):
            prefix = prefix.replace(copied.text, word.capitalize(), 1)
        return prefix

    def restored(self, translation: str) -> str:
        """Return the translation with the copied texts in place of their stand-ins."""
        for word, copied in self.standins.items():
            before, behind = " ?" * copied.glued_before, " ?" * copied.glued_behind
            found = re.search(f"{before}{word}{behind}", translation, re.IGNORECASE)
            if found is not None:
                translation = translation[: found.start()] + copied.text + translation[found.end() :]
        return translation

    def whole(self, translation: str) -> bool:
        """Return whether each stand-in is in the translation exactly once."""
        words = re.findall("|".join(self.standins), translation, re.IGNORECASE)
        return sorted(word.lower() for word in words) == sorted(self.standins)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers, which the translator gets as they are and which are reformatted afterwards."""

    source: str
    pair: Pair

    def prefixed(self, prefix: str) -> str:
        """Return the prefix unchanged: numbers need no stand-ins."""
        return prefix

    def restored(self, translation: str) -> str:
        """Return the translation with its numbers in the target language's format."""
        return numbers.localized(self.source, translation, self.pair.source, self.pair.target)

    def whole(self, translation: str) -> bool:
        """Return True: a number cannot be lost by this layer."""
        return True


@dataclass(frozen=True, slots=True)
class Names:
    """Words with letters that the translator may not know, replaced by their plain forms."""

    plain: Mapping[str, str]  # of the plain form in small letters, the word

    def prefixed(self, prefix: str) -> str:
        """Return the prefix with the plain forms of such words."""
        for plain, word in self.plain.items():
            prefix = prefix.replace(word, _cased(plain, word))
        return prefix

    def restored(self, translation: str) -> str:
        """Return the translation with the original letters in place of the plain forms."""
        words = "|".join(map(re.escape, self.plain))
        return re.sub(
            rf"(?<!\w)(?:{words})(?!\w)",
            lambda found: _cased(self.plain[found.group().lower()], found.group()),
            translation,
            flags=re.IGNORECASE,
        )

    def whole(self, translation: str) -> bool:
        """Return True: a word that was translated after all is not lost."""
        return True


@dataclass(frozen=True, slots=True)
class Shout:
    """A sentence in capitals, which is translated in lower case."""

    def prefixed(self, prefix: str) -> str:
        """Return the prefix in lower case, with a capital at its start."""
        return prefix.capitalize()

    def restored(self, translation: str) -> str:
        """Return the translation in capitals."""
        return translation.upper()

    def whole(self, translation: str) -> bool:
        """Return True: capitals are always restored."""
        return True


@dataclass(frozen=True, slots=True)
class Marks:
    """Typographic marks, which the translator gets as typewriter marks."""

    quotes: Quotes | None  # of the target; None: the source has straight ones
    dashes: tuple[str, ...] = ()  # those of the source, in order
    ellipsis: bool = False
    apostrophe: bool = False
    fractions: Mapping[str, str] | None = None  # "1/2" to "½"

    def prefixed(self, prefix: str) -> str:
        """Return the prefix with typewriter marks."""
        if self.quotes:
            for mark in (self.quotes.opening, self.quotes.closing):
                prefix = prefix.replace(mark, '"')
        for dash in self.dashes:
            prefix = prefix.replace(dash, "-", 1)
        for plain, sign in (self.fractions or {}).items():
            prefix = prefix.replace(sign, plain)
        return prefix.replace("…", "...").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")

    def restored(self, translation: str) -> str:
        """Return the translation with typographic marks; marks that come back unpaired or in another number stay as
        they are.
        """
        if self.quotes and translation.count('"') % 2 == 0:
            translation = _quoted(translation, self.quotes)
        spaced = " - "
        if self.dashes and translation.count(spaced) == len(self.dashes):
            for dash in self.dashes:
                translation = translation.replace(spaced, f" {dash} ", 1)
        for plain, sign in (self.fractions or {}).items():
            translation = re.sub(rf"(?<![\w/]){re.escape(plain)}(?![\w/])", sign, translation)
        if self.ellipsis:
            translation = translation.replace("...", "…")
        if self.apostrophe:
            translation = re.sub(r"(?<=\w)'(?=\w)", "\N{RIGHT SINGLE QUOTATION MARK}", translation)
        return translation

    def whole(self, translation: str) -> bool:
        """Return True: a mark that is lost does not spoil the translation."""
        return True


def _quoted(text: str, quotes: Quotes) -> str:
    """Return the text with straight quotes replaced by quotation marks, every second one closing."""
    pieces = text.split('"')
    written = pieces[0]
    for number, piece in enumerate(pieces[1:]):
        opens = number % 2 == 0
        if opens:
            written += quotes.opening + piece.lstrip()
        else:
            written = written.rstrip() + quotes.closing + piece
    return written


def _cased(word: str, like: str) -> str:
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if like[:1].isupper() else word
