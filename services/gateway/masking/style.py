"""Leaves punctuation or capitals out of source text, so that a text's beginning stays as it is when it grows. Pure."""

from __future__ import annotations

import re
import unicodedata

_INNER = "'\N{RIGHT SINGLE QUOTATION MARK}-.,:/@"  # signs that are a part of a word between letters or digits
_PLACEHOLDER = re.compile(r"\[[a-z ]+\]")


def unpunctuated(text: str) -> str:
    """Return a text without punctuation; what stands inside a word or a number, and placeholders, stay."""
    pieces, end = list[str](), 0
    for placeholder in _PLACEHOLDER.finditer(text):
        pieces += [_bare(text[end : placeholder.start()]), placeholder.group()]
        end = placeholder.end()
    return " ".join("".join([*pieces, _bare(text[end:])]).split())


def _bare(text: str) -> str:
    return "".join(char for at, char in enumerate(text) if not _is_punctuation(char) or _within(text, at))


def _is_punctuation(char: str) -> bool:
    return not char.isalnum() and unicodedata.category(char).startswith("P")


def _within(text: str, at: int) -> bool:
    inside = 0 < at < len(text) - 1 and text[at - 1].isalnum() and text[at + 1].isalnum()
    return inside and text[at] in _INNER


def uncased(text: str) -> str:
    """Return a text in small letters."""
    return text.lower()
