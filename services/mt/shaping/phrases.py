"""Translates everyday sentences from a table, as sentence models hallucinate on one-word input. Pure.

`phrases.tsv` holds a row for each, a column for each language, in small letters and without marks.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import langcodes

from services.mt.engine import Pair

_TABLE = Path(__file__).with_name("phrases.tsv")
_INNER = re.compile(r"[\s,]+")


def known(body: str, pair: Pair) -> str | None:
    """Return the table's translation of a sentence without ending, in lower case; None where it has none."""
    return _translations(_language(pair.source), _language(pair.target)).get(_key(body))


def _key(body: str) -> str:
    return _INNER.sub(" ", body.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")).strip(" ¿¡").lower()


@cache
def _translations(source: str, target: str) -> dict[str, str]:
    languages, *rows = (line.split("\t") for line in _TABLE.read_text().splitlines())
    if source not in languages or target not in languages or source == target:
        return {}
    column, other = languages.index(source), languages.index(target)
    found: dict[str, str] = {}
    for row in rows:
        found.setdefault(row[column], row[other])  # the first row of several that a language has one word for
    return found


def _language(tag: str) -> str:
    return langcodes.get(tag).language or ""
