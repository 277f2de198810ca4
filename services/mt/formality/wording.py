"""Words of a text with what stands between them, and the capital that a word keeps when it is replaced. Pure."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")


def cut(text: str) -> list[str]:
    """Return a text as what is before its first word, that word, what is behind it, the next word, and so on."""
    pieces, end = list[str](), 0
    for word in _WORD.finditer(text):
        pieces += [text[end : word.start()], word.group()]
        end = word.end()
    return [*pieces, text[end:]]


def cased(word: str, like: str) -> str:
    """Return a word with the first capital of another."""
    return word[:1].upper() + word[1:] if like[:1].isupper() else word
