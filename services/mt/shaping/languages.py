"""How each language writes numbers, quotes and letters: `languages.toml` as values. Pure."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import langcodes

_TABLE = Path(__file__).with_name("languages.toml")
_ANY = "und"


@dataclass(frozen=True, slots=True)
class Quotes:
    """The quotation marks of a language, each with the space that belongs to it."""

    opening: str
    closing: str
    inner_opening: str
    inner_closing: str


@dataclass(frozen=True, slots=True)
class Numerals:
    """The number format of a language: separators, percent and sign."""

    group: str  # between thousands; empty: nothing
    decimal: str
    percent: str  # between a number and the sign
    sign_first: bool  # whether the sign of a currency goes before the number
    sign_gap: str  # between the sign and the number


@dataclass(frozen=True, slots=True)
class Orthography:
    """The spelling conventions of a language: letters, numerals, quotes and gaps."""

    letters: frozenset[str]  # in small form, beyond a to z
    numerals: Numerals
    quotes: Quotes
    in_full: tuple[tuple[re.Pattern[str], str], ...]  # abbreviations, and what they stand for
    gap: str  # before the marks that end a question and an exclamation
    opening: tuple[str, str]  # of a question and of an exclamation


@cache
def of(tag: str) -> Orthography:
    """Return the orthography of a language; its regional varieties share one."""
    rows = _rows()
    return rows.get(langcodes.get(tag).language or _ANY, rows[_ANY])


@cache
def _rows() -> dict[str, Orthography]:
    return {
        name: Orthography(
            frozenset(row["letters"]),
            Numerals(row["group"], row["decimal"], row["percent"], row["currency"][0] == "before", row["currency"][1]),
            Quotes(*row["quotes"]),
            tuple((re.compile(rf"\b(?:{short})(?!\w)"), long) for short, long in row["in_full"]),
            row["gap"],
            (row["opening"][0], row["opening"][1]),
        )
        for name, row in tomllib.loads(_TABLE.read_text()).items()
    }
