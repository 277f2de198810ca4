"""From a glossary as it is written to one that can be followed: all of it is, or it is refused by name."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.common.text import ipa, languages
from services.common.text import term_trie as finding
from services.common.text.terminology import composed
from services.gateway.values.terms import ByLanguage, Entry

MOST_PARTS = 64  # words, spaces and signs of a term: what is looked for at each place of a text
_MOST_DECOMPOSED = 4  # code points that become one, when letters and their accents are put together


@dataclass(frozen=True, slots=True)
class Rules:
    """What a glossary of this deployment may hold."""

    max_length: int  # code points of a term, a translation, a pronunciation
    target_langs: Sequence[str]  # what can be translated into
    symbols: Mapping[str, Sequence[str]]  # of each language that is spoken: what its pronunciations are made of

    def entries(self, terms: Sequence[pb.GlossaryTerm], path: str) -> Iterator[Entry]:
        """The terms of a glossary at `path`, one after the other: whoever has others to serve may stop between them.

        Raises InvalidArgument at the first that cannot be followed.
        """
        first: dict[tuple[str, ...], int] = {}
        for index, term in enumerate(terms):
            at = f"{path}.terms[{index}]"
            entry = self._entry(term, at)
            before = first.setdefault(finding.key(entry.source), index)
            if before != index:
                message = f"terms[{before}] is the same."
                raise InvalidArgument("TERM_REPEATED", message, f"{at}.source", ["each term once"])
            yield entry

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
            tag = languages.written(lang)
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
        accepted = [f"1 to {self.max_length} code points, with a letter or digit among them"]
        refusal = InvalidArgument("TERM_LENGTH", "That is no term.", at, accepted)
        if len(text) > _MOST_DECOMPOSED * self.max_length:
            raise refusal
        said = composed(" ".join(text.split()))
        if _hidden(said) or not 0 < len(said) <= self.max_length or (letters and not any(map(str.isalnum, said))):
            raise refusal
        if letters and len(finding.key(said)) > MOST_PARTS:
            message = "The term has too many parts."
            raise InvalidArgument("TERM_LENGTH", message, at, [f"at most {MOST_PARTS} words, spaces and signs"])
        return said


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a glossary may be: looked at before it is read."""

    max_terms: int
    max_languages: int  # of a term, and of all terms together
    max_bytes: int = 0  # 0: any

    def require(self, glossary: pb.Glossary, path: str) -> None:
        """Raises InvalidArgument naming what is too much."""
        if self.max_bytes and glossary.ByteSize() > self.max_bytes:
            message = f"The glossary has {glossary.ByteSize()} bytes."
            raise InvalidArgument("GLOSSARY_SIZE", message, path, [f"at most {self.max_bytes} bytes"])
        require_count(len(glossary.terms), self.max_terms, path)
        known: set[str] = set()
        for index, term in enumerate(glossary.terms):
            for name, said in (("translations", term.translations), ("pronunciations", term.pronunciations)):
                where = f"{path}.terms[{index}].{name}"
                self._require_languages(len(said), where)
                if any(len(tag) > languages.MAX_TAG_LENGTH for tag in said):
                    message, accepted = (
                        "A language tag is too long.",
                        [f"at most {languages.MAX_TAG_LENGTH} code points"],
                    )
                    raise InvalidArgument("UNKNOWN_LANGUAGE", message, where, accepted)
                known.update(said)
                self._require_languages(len(known), where)

    def _require_languages(self, count: int, path: str) -> None:
        if count > self.max_languages:
            message = f"There are {count} languages."
            raise InvalidArgument("GLOSSARY_LANGUAGES", message, path, [f"at most {self.max_languages} languages"])


def require_count(count: int, most: int, path: str) -> None:
    """Raises InvalidArgument for a glossary with too many terms."""
    if count > most:
        message = f"The glossary has {count} terms."
        raise InvalidArgument("GLOSSARY_SIZE", message, f"{path}.terms", [f"at most {most} terms"])


def _hidden(text: str) -> bool:
    """Whether there is something in a text that nobody sees: controls, and what is no character."""
    return not text.isprintable() and any(unicodedata.category(char) in ("Cc", "Cn", "Co", "Cs") for char in text)


@lru_cache(1024)
def _resolved(lang: str, known: tuple[str, ...]) -> str | None:
    return languages.resolve(lang, known)  # slow, and every term names the same languages


def spoken_in(glossary: pb.Glossary) -> set[str]:
    """The languages that a glossary gives pronunciations for."""
    return {lang for term in glossary.terms for lang in term.pronunciations}
