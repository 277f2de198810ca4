"""Translates everyday words that a pair's dictionary lacks, from `lexicon.tsv`. Pure."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

from services.mt.engine import Pair

_TABLE = Path(__file__).with_name("lexicon.tsv")
_VOWELS = "aeiouáéíóú"


def known(word: str, pair: Pair) -> str | None:
    """Return the lexicon's translation of a word, with the word's capital; None where the table has none.

    A plural in -s is made of the singular, in languages of the Iberian kind.
    """
    words = _words(pair)
    for form in dict.fromkeys((word, word[:1].lower() + word[1:])):
        if form in words:
            return _begun(words[form], word)
        if form.endswith("s") and form[:-1] in words:
            return _begun(_plural(words[form[:-1]]), word)
    return None


def _plural(word: str) -> str:
    if word.endswith("s"):
        return word
    return word + ("s" if word[-1] in _VOWELS else "es")


def _begun(becomes: str, word: str) -> str:
    return becomes[:1].upper() + becomes[1:] if word[:1].isupper() else becomes


@cache
def _words(pair: Pair) -> dict[str, str]:
    return _tables().get(pair.languages, {})


@cache
def _tables() -> dict[str, dict[str, str]]:
    tables: dict[str, dict[str, str]] = defaultdict(dict)
    for row in _TABLE.read_text().splitlines():
        pair, word, becomes = row.split("\t")
        tables[pair][word] = becomes
    return dict(tables)
