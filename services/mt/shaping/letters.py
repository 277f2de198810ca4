"""Words with letters that a translator between other languages has hardly seen, written with plain ones. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_WORD = re.compile(r"[^\W\d_]+")
# Letters that are no plain one with a mark, as passports write them.
_PLAIN = str.maketrans(
    {
        **dict(zip("łŁđĐøØðÐħĦ", "lLdDoOdDhH", strict=True)),
        **{"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "þ": "th", "Þ": "Th"},
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    }
)


def plain_words(text: str, own: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the composed text's words with Latin letters beyond a to z and the language's `own`, and their plain
    forms.
    """
    for word in dict.fromkeys(_WORD.findall(text)):
        if any(not char.isascii() and char.lower() not in own for char in word):
            plain = _plain(word)
            if plain.isascii() and plain.isalpha():
                yield word, plain


def _plain(word: str) -> str:
    return "".join(
        char for char in unicodedata.normalize("NFKD", word.translate(_PLAIN)) if not unicodedata.combining(char)
    )
