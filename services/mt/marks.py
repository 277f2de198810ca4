"""Keeps what a user wrote apart from the signs of Apertium's stream format."""

from __future__ import annotations

import re

from services.common.plain_text import plain_text
from services.common.terminology import composed

# Every sign the programs give a meaning travels as a noncharacter, which Unicode keeps for such inner use: they pass
# it through like any symbol, and an unknown word's mark cannot be confused with a star that the user wrote.
_SIGNS = "^$[]{}<>/@\\*#~+"
_NONCHARACTERS = range(0xFDD0, 0xFDF0)
_INWARD = dict(zip(map(ord, _SIGNS), _NONCHARACTERS, strict=False))
_OUTWARD = {stand_in: sign for sign, stand_in in _INWARD.items()}

_UNKNOWN = re.compile(r"[*#@](?=\w)")


def cleaned(text: str) -> str:
    """The text in composed form, with spaces for control characters and without noncharacters."""
    return composed(plain_text(text))


def escaped(text: str) -> str:
    """A cleaned text as Apertium can be given it."""
    return text.translate(_INWARD)


def unescaped(text: str) -> str:
    """Undoes `escaped`."""
    return text.translate(_OUTWARD)


def unmarked(text: str) -> str:
    """An answer, still escaped, without the marks of unknown words."""
    return _UNKNOWN.sub("", text)


def unknown_words(text: str) -> list[str]:
    """The words that an answer, still escaped, marks as unknown."""
    return re.findall(r"\*(\w+)", text)


def count_unknown(text: str) -> int:
    """How many words an answer, still escaped, marks as unknown."""
    return len(_UNKNOWN.findall(text))
