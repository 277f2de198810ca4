"""A session's glossary: what it says, which version is in force, and what became of its terms. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.common.text import languages
from services.common.text.placeholders import PLACEHOLDERS
from services.common.text.term_trie import Finder
from services.common.text.terminology import Term, composed, finder, occurrences, uses
from services.gateway.values.terms import ByLanguage, Entry, Glossary, Sounds, Uses

_PLACEHOLDERS = tuple(Term(placeholder) for placeholder in PLACEHOLDERS.values())
_WORD = re.compile(r"[^\s\"(\[«“]\S*")  # from behind a bracket or quote on


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A glossary as it is for one target language."""

    version: str
    terms: tuple[Term, ...]
    sounds: Sounds  # words of the translation, and their IPA
    sources: Finder  # of the terms
    sounded: Finder  # of those words

    def terms_in(self, text: str) -> tuple[Term, ...]:
        """The terms that a source text holds, each once, and the placeholders in it, which are kept as they are."""
        masked = tuple(term for term in _PLACEHOLDERS if term.source in text) if "[" in text else ()
        if not self.terms:
            return masked
        found = occurrences(composed(text), self.terms, known=self.sources)
        return (*dict.fromkeys(each.term for each in found), *masked)

    def settled(self, text: str) -> str:
        """An unfinished source text without last words that may turn out to begin a term.

        The word after them decides how they are translated; until then nothing may be concluded from them.
        """
        most = self.sources.most_words - 1  # of the beginning of a term
        for first in list(_WORD.finditer(text))[-most:] if most > 0 else ():
            if self.sources.may_begin(text[first.start() :]):
                return text[: first.start()].rstrip()
        return text

    def uses(self, text: str, translation: str) -> Uses:
        """What became of the terms of a source text in its translation."""
        return Uses(self.version, uses(text, translation, self.terms, self.sources))

    def sounds_in(self, translation: str) -> Sounds:
        """The words of a translation that have a pronunciation, each once, with it."""
        found = self.sounded.places(composed(translation)) if self.sounds else ()
        return tuple(dict.fromkeys(self.sounds[each.index] for each in found))


class Dictionary:
    """The glossary in force, which the client may change at any time."""

    def __init__(self, glossary: Glossary, spoken: Sequence[str] = ()) -> None:
        """Begin with a glossary; `spoken` are the source languages, where they are several, that of its terms first."""
        self._spoken = spoken
        self._lexicons: dict[tuple[str, str], Lexicon] = {}  # by target and source language
        self.swap(glossary)

    def swap(self, glossary: Glossary) -> None:
        """From the next translation on, this one counts."""
        self.glossary = glossary
        self._sources: dict[str, Finder] = {}  # by source language
        said = [glossary, *(spoken_in(glossary, lang, self._spoken[0]) for lang in self._spoken[1:])]
        # What a recognizer should rather hear.
        self.phrases = tuple(dict.fromkeys(entry.source for each in said for entry in each.entries))
        self._lexicons.clear()

    def work(self, lang: str, spoken: str = "") -> int:
        """How many entries `of` goes through: none where it knows what to say."""
        return 0 if (lang, self._other(spoken)) in self._lexicons else len(self.glossary.entries)

    def of(self, lang: str, spoken: str = "") -> Lexicon:
        """The lexicon for a target language and a source language; what is written for the nearest region counts."""
        other = self._other(spoken)
        if (lang, other) not in self._lexicons:
            said = spoken_in(self.glossary, other, self._spoken[0]) if other else self.glossary
            if other not in self._sources:
                self._sources[other] = sources(said)
            made = lexicon(said, lang, self._sources[other])
            self._lexicons[lang, other] = replace(made, version=self.glossary.version)
        return self._lexicons[lang, other]

    def _other(self, spoken: str) -> str:
        """A source language, where it is another one than that of the glossary's terms; else empty."""
        return spoken if spoken in self._spoken[1:] else ""


def spoken_in(glossary: Glossary, lang: str, default: str) -> Glossary:
    """A glossary as it is for speech in `lang`, where its terms are in `default`.

    The translation of a term into `lang` is what is found, and the term is what it becomes in `default`. One without
    that translation is the same in `lang`.
    """
    entries: dict[str, Entry] = {}
    tags: dict[tuple[str, ...], str | None] = {}  # terms mostly have the same languages, and resolving is slow
    for entry in glossary.entries:
        said = dict(entry.translations)
        known = tuple(said)
        if known not in tags:
            tags[known] = languages.resolve(lang, known)
        nearest = tags[known]
        source = said[nearest] if nearest else entry.source
        others = {tag: text for tag, text in said.items() if tag != nearest}
        translations = tuple(sorted({default: entry.source, **others}.items())) if nearest else entry.translations
        entries.setdefault(source.casefold(), Entry(source, translations, entry.pronunciations))
    return Glossary(tuple(entries.values()), glossary.name)


def lexicon(glossary: Glossary, lang: str, known: Finder | None = None) -> Lexicon:
    """A glossary for one target language; `known` is what `sources` gave for it, where that is there."""
    places: dict[tuple[str, ...], int] = {}  # terms mostly have the same languages, and resolving is slow

    def said(by_language: ByLanguage) -> str:
        if not by_language:
            return ""
        tags, texts = zip(*by_language, strict=True)
        if tags not in places:
            nearest = languages.resolve(lang, tags)
            places[tags] = -1 if nearest is None else tags.index(nearest)
        return str(texts[places[tags]]) if places[tags] >= 0 else ""

    terms = tuple(Term(entry.source, said(entry.translations)) for entry in glossary.entries)
    written = zip(terms, glossary.entries, strict=True)
    sounds = {term.required: sound for term, entry in written if (sound := said(entry.pronunciations))}
    sounded = finder([Term(word) for word in sounds], plurals=False)
    return Lexicon(glossary.version, terms, tuple(sounds.items()), known or sources(glossary), sounded)


def sources(glossary: Glossary) -> Finder:
    """What finds a glossary's terms, in whatever language they are said."""
    return finder([Term(entry.source) for entry in glossary.entries])
