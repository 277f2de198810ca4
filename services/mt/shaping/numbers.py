"""Formats numbers as the target language writes them: separators, percent, signs of currencies. Pure.

A translator copies a number, or writes it as it has seen it written; what it is, the source says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from services.mt.shaping import languages
from services.mt.shaping.languages import Numerals

_SPACES = "\u00a0\u2009\u202f"
_SIGNS = "$€£¥₹₩"


@dataclass(frozen=True, slots=True)
class Number:
    """A number as its digits, and whether they are grouped."""

    whole: str
    decimals: str
    grouped: bool  # whether its thousands are parted

    def written(self, numerals: Numerals) -> str:
        """Return the number in a language's format."""
        whole = f"{int(self.whole):,}".replace(",", numerals.group) if self.grouped else self.whole
        return f"{whole}{numerals.decimal}{self.decimals}" if self.decimals else whole

    @property
    def pattern(self) -> str:
        """A regular expression that matches the number in any format."""
        parted = f"[.,' {_SPACES}]?".join(_groups(self.whole))
        return rf"(?<![\d.,]){parted}[.,]{self.decimals}(?!\d)" if self.decimals else _bare(parted)


def localized(source: str, translation: str, source_lang: str, target_lang: str) -> str:
    """Return the translation with each number of the source in the target language's format."""
    there, here = languages.of(source_lang).numerals, languages.of(target_lang).numerals
    if there == here:
        return translation
    place = 0
    for number in _numbers(source, there):
        written = number.written(here)
        found = re.compile(number.pattern).search(translation, place) or re.search(number.pattern, translation)
        if found is not None:
            translation = translation[: found.start()] + written + translation[found.end() :]
            place = found.start() + len(written)
    return _signs(source, translation, here)


def _signs(source: str, translation: str, numerals: Numerals) -> str:
    """Return the translation with percent and currency signs where the source has them at its numbers."""
    if re.search(r"\d\s?%", source):
        translation = re.sub(rf"(?<=\d)[ {_SPACES}]?%(?!\w)", f"{numerals.percent}%", translation)
    if re.search(rf"[{_SIGNS}]\s?\d|\d\s?[{_SIGNS}]", source):
        amount, gap = r"\d[\d.,\u202f\u00a0]*\d|\d", f"[ {_SPACES}]?"
        signed = rf"(?P<sign>[A-Z]{{0,2}}[{_SIGNS}]){gap}(?P<amount>{amount})"
        behind = rf"(?P<amount>{amount}){gap}(?P<sign>[{_SIGNS}])"
        for pattern in (signed, behind):
            translation = re.sub(pattern, lambda found: _money(found["sign"], found["amount"], numerals), translation)
    return translation


def _money(sign: str, amount: str, numerals: Numerals) -> str:
    return f"{sign}{numerals.sign_gap}{amount}" if numerals.sign_first else f"{amount}{numerals.sign_gap}{sign}"


def _numbers(text: str, numerals: Numerals) -> list[Number]:
    """Return the numbers of a text that languages format differently: grouped or with decimals."""
    return [
        Number(re.sub(r"\D", "", found["whole"]), found["decimals"] or "", not found["whole"].isdigit())
        for found in _pattern(numerals.group, numerals.decimal).finditer(text)
        if found["decimals"] or not found["whole"].isdigit()
    ]


@cache
def _pattern(group: str, decimal: str) -> re.Pattern[str]:
    separators = f"[{re.escape(group)}{_SPACES}{' ' * group.isspace()}]"
    whole = rf"(?P<whole>\d{{1,3}}(?:{separators}\d{{3}})+|\d+)"
    return re.compile(rf"(?<![\w.,:/-]){whole}(?:{re.escape(decimal)}(?P<decimals>\d+))?(?![\d:/]|[.,]\d)")


def _groups(digits: str) -> list[str]:
    first = len(digits) % 3
    return [part for part in (digits[:first], *(digits[at : at + 3] for at in range(first, len(digits), 3))) if part]


def _bare(parted: str) -> str:
    return rf"(?<![\d.,]){parted}(?![\d]|[.,]\d)"
