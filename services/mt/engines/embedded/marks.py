"""Escapes user text against the syntax of Apertium's stream format, and reads its marks. Pure."""

from __future__ import annotations

import re

# Every sign the programs give a meaning travels as a noncharacter, which Unicode keeps for such inner use: they pass
# it through like any symbol, and an unknown word's mark cannot be confused with a star that the user wrote.
_SIGNS = "^$[]{}<>/@\\*#~+"
_NONCHARACTERS = range(0xFDD0, 0xFDF0)
_INWARD = dict(zip(map(ord, _SIGNS), _NONCHARACTERS, strict=False))
_OUTWARD = {stand_in: sign for sign, stand_in in _INWARD.items()}

# What the user wrote is escaped, so each of the signs in an answer was set by a program, or is of a dictionary: then it
# stands behind a backslash. Those that mark what a program did not know are in no dictionary; one that stands behind a
# backslash was taken for text by the program after.
_UNKNOWN = re.compile(r"(?:\\?[*#@])+(?=\\?\w)|(?<=\w)(?:\\?[*#@])+")
_INNER = re.compile(r"(?:\\?[*#@])*\\?[#@]\\?(?:prpers)(?!\w)")  # a lemma that is no word of any language
_TAG = re.compile(r"(?<!\\)<[^<>]*>")
_OTHERS = re.compile(r"(?<=\w)(?:/(?!\s)[^\s/,.;:!?]+)+")  # forms that a generator has to choose from, behind the first
_SIGN = re.compile(r"\\(?P<kept>[/$\[\]{}^<>])|\\?[@*#~\\]|[\^$\[\]{}<>/]")


def escaped(text: str) -> str:
    """Return a cleaned text with the characters of Apertium's stream format escaped."""
    return text.translate(_INWARD)


def unescaped(text: str) -> str:
    """Return the text without the escapes that `escaped` put in."""
    return text.translate(_OUTWARD)


def unmarked(text: str) -> str:
    """Return an answer, still escaped, without the programs' own marks: tags, other forms, names and escapes."""
    text = _OTHERS.sub("", _TAG.sub("", _INNER.sub("", text)))
    return _SIGN.sub(lambda sign: sign["kept"] or "", text)


def unknown_words(text: str) -> list[str]:
    """Return the words that an answer, still escaped, marks as unknown."""
    return re.findall(r"\*\\?(\w+)", text)


def count_unknown(text: str) -> int:
    """Return how many words an answer, still escaped, marks as unknown."""
    return len(_UNKNOWN.findall(text))
