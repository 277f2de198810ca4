"""From a glossary as it is written to one that can be followed: all of it is, or it is refused by name."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import langcodes

from realtime.v1 import realtime_translate_pb2 as pb
from services.common import ipa, languages
from services.common.errors import InvalidArgument
from services.common.terminology import composed
from services.gateway.glossary import ByLanguage, Entry


@dataclass(frozen=True, slots=True)
class Rules:
    """What a glossary of this deployment may hold."""

    max_terms: int
    max_length: int  # code points of a term, a translation, a pronunciation
    target_langs: Sequence[str]  # what can be translated into
    symbols: Mapping[str, Sequence[str]]  # of each language that is spoken: what its pronunciations are made of

    def entries(self, terms: Sequence[pb.GlossaryTerm], path: str) -> tuple[Entry, ...]:
        """The terms of a glossary at `path`. Raises InvalidArgument at the first that cannot be followed."""
        require_count(len(terms), self.max_terms, path)
        first: dict[str, int] = {}
        entries = []
        for index, term in enumerate(terms):
            at = f"{path}.terms[{index}]"
            entry = self._entry(term, at)
            before = first.setdefault(entry.source.casefold(), index)
            if before != index:
                message = f"terms[{before}] is the same."
                raise InvalidArgument("TERM_REPEATED", message, f"{at}.source", ["each term once"])
            entries.append(entry)
        return tuple(entries)

    def _entry(self, term: pb.GlossaryTerm, at: str) -> Entry:
        translations = self._by_language(term.translations, f"{at}.translations", self._translation, self.target_langs)
        sounds = self._by_language(term.pronunciations, f"{at}.pronunciations", self._sound, list(self.symbols))
        return Entry(self._text(term.source, f"{at}.source"), translations, sounds)

    def _by_language(
        self, said: Mapping[str, str], at: str, read: Callable[[str, str, str], str], known: Sequence[str]
    ) -> ByLanguage:
        found: dict[str, str] = {}
        for lang, text in sorted(said.items()):
            there = _resolved(lang, tuple(known)) or languages.require(lang, known, f"{at}[{lang}]")
            tag = langcodes.standardize_tag(lang)
            if tag in found:
                message = f"{tag} is written twice."
                raise InvalidArgument("TERM_REPEATED", message, f"{at}[{lang}]", ["each language once"])
            found[tag] = read(text, there, f"{at}[{lang}]")
        return tuple(found.items())

    def _translation(self, text: str, _: str, at: str) -> str:
        return self._text(text, at)

    def _sound(self, text: str, lang: str, at: str) -> str:
        symbols = self.symbols[lang]
        said = self._text(text, at, letters=False)
        if not symbols:
            message = f"The voices of {lang} take no pronunciations."
            raise InvalidArgument("UNKNOWN_SYMBOL", message, at, ["unset"])
        if message := ipa.complaint(said, symbols):
            raise InvalidArgument("UNKNOWN_SYMBOL", message, at, [*symbols, *ipa.STRESSES])
        return said

    def _text(self, text: str, at: str, letters: bool = True) -> str:
        said = composed(" ".join(text.split()))
        hidden = any(unicodedata.category(char) in ("Cc", "Cn", "Co", "Cs") for char in said)
        if hidden or not 0 < len(said) <= self.max_length or (letters and not any(map(str.isalnum, said))):
            accepted = [f"1 to {self.max_length} code points, with a letter or digit among them"]
            raise InvalidArgument("TERM_LENGTH", "That is no term.", at, accepted)
        return said


def require_count(count: int, most: int, path: str) -> None:
    """Raises InvalidArgument for a glossary with too many terms."""
    if count > most:
        message = f"The glossary has {count} terms."
        raise InvalidArgument("GLOSSARY_SIZE", message, f"{path}.terms", [f"at most {most} terms"])


@lru_cache(1024)
def _resolved(lang: str, known: tuple[str, ...]) -> str | None:
    return languages.resolve(lang, known)  # slow, and every term names the same languages


def spoken_in(glossary: pb.Glossary) -> set[str]:
    """The languages that a glossary gives pronunciations for."""
    return {lang for term in glossary.terms for lang in term.pronunciations}
