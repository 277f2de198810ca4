"""Reads letters that are spelled: by themselves, by their names, or with a word that explains them. Pure."""

from __future__ import annotations

from services.gateway.masking.reading import LETTER, NUMBER, WORD, Reader, Unit

_MOST_EXPLAINING = 2  # words between a letter and the word that explains it: "as in"
_LEAST_LENGTH = 3  # of a word that explains


def letter_of(reader: Reader, unit: Unit | None) -> str:
    """Return the capital that a unit stands for, by itself or by its name; empty where it is none."""
    if unit is None or unit.capitals:
        return ""
    if unit.kind == NUMBER and unit.said and unit.end - unit.start == 1:
        return "O"  # which is a zero as well
    return unit.text if unit.kind == LETTER else reader.words.letters.get(unit.text, "")


def behind_letter(reader: Reader, at: int, letter: str) -> int:
    """Return the unit behind a letter and what explains it: "Z as in zebra", "zeta de Zaragoza"."""
    for count in range(1, _MOST_EXPLAINING + 1):
        link = reader.unit(at + count)
        if link is None or link.text.lower() not in reader.words.explaining:
            break
        word = reader.unit(at + count + 1)
        if word is not None and word.kind == WORD and _explains(word, letter):
            return at + count + 2
    return at + 1


def _explains(word: Unit, letter: str) -> bool:
    return len(word.text) >= _LEAST_LENGTH and word.text[:1].upper() == letter
