"""How numbers, letters, signs and dates are said in each language. Pure."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

_NO_REPLY = {"no", "do"}  # fillers that begin a name all the same: "no dash reply", "do dot not dot reply"
_ANYWHERE = {"arroba": "@"}  # signs that are called so in other languages too


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language, in small letters; a language that is not known has none."""

    digits: Mapping[str, str] = field(default_factory=dict)
    two_digits: Mapping[str, str] = field(default_factory=dict)
    tens: Mapping[str, str] = field(default_factory=dict)
    hundreds: Mapping[str, str] = field(default_factory=dict)
    repeats: Mapping[str, int] = field(default_factory=dict)  # "double" says the digit behind it twice
    signs: Mapping[str, str] = field(default_factory=dict)
    long_signs: Mapping[tuple[str, str], str] = field(default_factory=dict)  # of two words
    letters: Mapping[str, str] = field(default_factory=dict)
    long_letters: Mapping[tuple[str, str], str] = field(default_factory=dict)  # whose names are two words
    months: Mapping[str, int] = field(default_factory=dict)
    ordinals: Mapping[str, int] = field(default_factory=dict)
    cues: Mapping[str, str] = field(default_factory=dict)  # what a word announces, by kind
    joiners: frozenset[str] = frozenset()
    hundred: frozenset[str] = frozenset()
    thousand: frozenset[str] = frozenset()
    millions: frozenset[str] = frozenset()
    hesitations: frozenset[str] = frozenset()  # which may come anywhere
    fillers: frozenset[str] = frozenset()  # never the name before an "at"
    common: frozenset[str] = frozenset()  # begin no name where no address was announced; fillers are among them
    links: frozenset[str] = frozenset()  # between the groups of a number that is dictated
    explaining: frozenset[str] = frozenset()  # between a letter and a word that begins with it
    versions: frozenset[str] = frozenset()  # words for what has numbers such as 1.2.3.4
    persons: frozenset[str] = frozenset()  # words for people
    equating: frozenset[str] = frozenset()  # between a number and what it is: "... is my passport"
    number_firsts: frozenset[str] = frozenset()  # with which a number in words may begin
    long_firsts: frozenset[str] = frozenset()  # the first words of names of signs and letters that have two


@lru_cache(32)
def words_of(lang: str) -> Words:
    """Return the words of a language (BCP-47); its region does not matter."""
    told: dict[str, Any] = _all().get(lang.partition("-")[0].lower(), {})
    signs = {**_ANYWHERE, **told.get("signs", {})}
    cues = {word: kind for kind, listed in told.get("cues", {}).items() for word in listed}
    letters = told.get("letters", {})
    tables: dict[str, Any] = {name: told.get(name, {}) for name in _TABLES}
    for each in (*(tables[name] for name in _UNACCENTED), cues):
        for word in list(each):
            each.setdefault(_plain(word), each[word])
    sets: dict[str, Any] = {name: frozenset(told.get(name, ())) for name in _SETS}
    sets["common"] |= sets["fillers"] - _NO_REPLY
    long_signs = {_two(words): sign for words, sign in signs.items() if " " in words}
    long_letters = {_two(words): letter for words, letter in letters.items() if " " in words}
    begin = (tables[name] for name in ("digits", "two_digits", "tens", "hundreds", "repeats"))
    return Words(
        **tables,
        **sets,
        signs={words: sign for words, sign in signs.items() if " " not in words},
        long_signs=long_signs,
        long_letters=long_letters,
        long_firsts=frozenset(first for first, _ in (*long_signs, *long_letters)),
        number_firsts=sets["thousand"].union(*begin),
        cues=cues,
    )


_TABLES = ("digits", "two_digits", "tens", "hundreds", "repeats", "letters", "months", "ordinals")
_UNACCENTED = ("digits", "two_digits", "tens", "hundreds", "months")  # are known without their accents as well
_SETS = (
    "joiners",
    "hundred",
    "thousand",
    "millions",
    "hesitations",
    "fillers",
    "common",
    "links",
    "explaining",
    "equating",
    "persons",
    "versions",
)


def _plain(word: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))


def _two(words: str) -> tuple[str, str]:
    first, second = words.split()
    return first, second


@lru_cache(1)
def _all() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "words.toml").read_text(encoding="utf-8"))
