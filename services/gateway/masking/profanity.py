"""Word lists of profanity by language and grade, with those that an operator adds. Pure."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from services.common.text.term_trie import Finder
from services.common.text.terminology import composed
from services.gateway.masking.kinds import PROFANITY, Span

_WORD = re.compile(r"\S+")
_LONGEST = 100  # code points of an entry
_MOST = 5000  # entries of a file


class Grade(IntEnum):
    """How strong a word has to be to be masked, as the contract numbers it."""

    MILD = 1  # mild ones and strong ones are masked
    STRONG = 2


@dataclass(frozen=True, slots=True)
class Profanities:
    """The finders of profanity, by language and grade."""

    finders: Mapping[tuple[str, Grade], Finder]

    def of(self, lang: str, grade: Grade) -> Finder | None:
        """Return what finds the words of a language (BCP-47); None where there are none."""
        return self.finders.get((lang.partition("-")[0].lower(), grade))

    @property
    def langs(self) -> Sequence[str]:
        """The languages that have words."""
        return sorted({lang for lang, _ in self.finders})


@lru_cache(4)
def profanities(path: Path | None = None) -> Profanities:
    """Return the lists, with those of a file of one's own added: JSON, {"en": {"mild": [...], "strong": [...]}}.

    Raises ValueError that tells what is wrong with the file.
    """
    own = tomllib.loads((files(__package__) / "profanity.toml").read_text(encoding="utf-8"))
    listed: dict[tuple[str, Grade], list[str]] = {}
    for told in (own, _read(path) if path else {}):
        for lang, grades in told.items():
            listed.setdefault((lang, Grade.STRONG), []).extend(grades.get("strong", ()))
            listed.setdefault((lang, Grade.MILD), []).extend([*grades.get("strong", ()), *grades.get("mild", ())])
    return Profanities({key: _finder(words) for key, words in listed.items() if words})


def _finder(words: Iterable[str]) -> Finder:
    sources = tuple(dict.fromkeys(composed(" ".join(word.split())) for word in words))
    return Finder(sources, frozenset(sources), exact=False)


def _read(path: Path) -> dict[str, dict[str, list[str]]]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: no JSON can be read from it ({type(error).__name__})") from error
    if not isinstance(told, dict):
        raise ValueError(f"{path}: it has to be an object of languages")
    count = 0
    for lang, grades in told.items():
        if not isinstance(grades, dict) or not set(grades) <= {"mild", "strong"}:
            raise ValueError(f'{path}: {lang!r} has to be an object with "mild" and "strong"')
        for grade, words in grades.items():
            if not isinstance(words, list) or not all(_is_entry(word) for word in words):
                raise ValueError(f"{path}: {lang}.{grade} has to be a list of words, {_LONGEST} characters at most")
            count += len(words)
    if count > _MOST:
        raise ValueError(f"{path}: {count} words are more than {_MOST}")
    return {str(lang).partition("-")[0].lower(): grades for lang, grades in told.items()}


def _is_entry(word: object) -> bool:
    return isinstance(word, str) and 0 < len(word.strip()) <= _LONGEST


def profane(text: str, finder: Finder, complete: bool, start: int = 0) -> tuple[list[Span], int]:
    """Return the profanity in a text from a code point on, and the code point up to which that is certain."""
    rest = text[start:]
    settled = len(rest)
    most = finder.most_words - 1
    for first in list(_WORD.finditer(rest))[-most:] if most > 0 and not complete else ():
        if finder.may_begin(rest[first.start() :]):
            settled = first.start()
            break
    spans = [Span(PROFANITY, start + each.start, start + each.end) for each in finder.places(rest[:settled])]
    return spans, start + settled
