"""A session's glossary: what it says, which version is in force, and what became of its terms. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TypeAlias

from services.common import languages
from services.common.terminology import Term, Use, composed, occurrences, uses

ByLanguage: TypeAlias = tuple[tuple[str, str], ...]
Sounds: TypeAlias = tuple[tuple[str, str], ...]


_WORD = re.compile(r"[^\s\"(\[«“]\S*")  # from behind a bracket or quote on


@dataclass(frozen=True, slots=True)
class Entry:
    """One term: what becomes of it, and how that is said, by BCP-47 tag in order."""

    source: str
    translations: ByLanguage = ()  # a language not among them keeps the term as it is
    pronunciations: ByLanguage = ()  # IPA


@dataclass(frozen=True, slots=True)
class Glossary:
    """Terms with a fixed treatment."""

    entries: tuple[Entry, ...] = ()
    name: str = ""  # of the kept glossary among them

    @property
    def version(self) -> str:
        """A digest of what it says, whatever the order; empty when it says nothing."""
        if not self.entries:
            return ""
        said = sorted(json.dumps(asdict(entry)) for entry in self.entries)
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]

    def over(self, kept: Glossary) -> Glossary:
        """This one and a kept one; where both have a term, this one's counts."""
        own = {entry.source.casefold() for entry in self.entries}
        rest = tuple(entry for entry in kept.entries if entry.source.casefold() not in own)
        return Glossary(self.entries + rest, kept.name)


@dataclass(frozen=True, slots=True)
class Uses:
    """What became of a glossary's terms in one translation."""

    version: str = ""
    terms: tuple[Use, ...] = ()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A glossary for one target language."""

    version: str
    terms: tuple[Term, ...] = ()
    sounds: Sounds = ()  # words of the translation, and their IPA
    beginnings: frozenset[str] = frozenset()  # of terms of several words, in small letters

    def terms_in(self, text: str) -> tuple[Term, ...]:
        """The terms that a source text holds, each once."""
        return tuple(dict.fromkeys(found.term for found in occurrences(composed(text), self.terms)))

    def settled(self, text: str) -> str:
        """An unfinished source text without last words that may turn out to begin a term.

        The word after them decides how they are translated; until then nothing may be concluded from them.
        """
        words = list(_WORD.finditer(text))
        for first in words[-self.longest_beginning :] if self.beginnings else ():
            if _folded(text[first.start() :]) in self.beginnings:
                return text[: first.start()].rstrip()
        return text

    @property
    def longest_beginning(self) -> int:
        """Its words."""
        return max((beginning.count(" ") + 1 for beginning in self.beginnings), default=0)

    def uses(self, text: str, translation: str) -> Uses:
        """What became of the terms of a source text in its translation."""
        return Uses(self.version, uses(text, translation, self.terms))

    def sounds_in(self, translation: str) -> Sounds:
        """Those words of a translation that have a pronunciation, each once, and that."""
        sounds = {Term(word): (word, ipa) for word, ipa in self.sounds}
        found = occurrences(composed(translation), tuple(sounds), plurals=False)
        return tuple(dict.fromkeys(sounds[each.term] for each in found))


class Dictionary:
    """The glossary in force, which the client may change at any time."""

    def __init__(self, glossary: Glossary) -> None:
        self._lexicons: dict[str, Lexicon] = {}
        self.swap(glossary)

    def swap(self, glossary: Glossary) -> None:
        """From the next translation on, this one counts."""
        self.glossary = glossary
        self.phrases = tuple(entry.source for entry in glossary.entries)  # what a recognizer should rather hear
        self._lexicons.clear()

    def of(self, lang: str) -> Lexicon:
        """What it says for a target language; what is written for the nearest region counts."""
        if lang not in self._lexicons:
            self._lexicons[lang] = lexicon(self.glossary, lang)
        return self._lexicons[lang]


def lexicon(glossary: Glossary, lang: str) -> Lexicon:
    """A glossary for one target language."""
    nearest: dict[tuple[str, ...], str | None] = {}  # terms mostly have the same languages, and resolving is slow

    def said(by_language: ByLanguage) -> str:
        tags = tuple(tag for tag, _ in by_language)
        if tags not in nearest:
            nearest[tags] = languages.resolve(lang, tags) if tags else None
        return dict(by_language).get(nearest[tags] or "", "")

    terms = [Term(entry.source, said(entry.translations)) for entry in glossary.entries]
    sounds = [(term.required, said(entry.pronunciations)) for term, entry in zip(terms, glossary.entries, strict=True)]
    said_otherwise = tuple((word, ipa) for word, ipa in sounds if ipa)
    return Lexicon(glossary.version, tuple(terms), said_otherwise, frozenset(_beginnings(terms)))


def _beginnings(terms: Iterable[Term]) -> Iterator[str]:
    for term in terms:
        words = _folded(term.source).split()
        yield from (" ".join(words[:count]) for count in range(1, len(words)))


def _folded(text: str) -> str:
    return " ".join(composed(text).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())
