"""Finds codes of letters and digits: accounts (IBAN) and national ids that begin with a letter. Pure."""

from __future__ import annotations

from services.gateway.masking import checks
from services.gateway.masking.finding.numbers import letter_of
from services.gateway.masking.finding.place import Found, Place, is_number, is_sign
from services.gateway.masking.kinds import IBAN, NATIONAL_ID
from services.gateway.masking.reading import LETTER, SIGN, WORD, Reader, Unit

_LONGEST = 34  # characters of an IBAN
_ID_LENGTHS = (9, 16)  # of a NIE or NINO, and of a codice fiscale
_GROUP = 4  # letters that an IBAN is written in at once


def code(place: Place) -> Found | None:
    """Return the account or id that begins with the letter at a place."""
    if not _begins(place):
        return None
    text, at, reader, best = "", place.at, place.reader, None
    while len(text) < _LONGEST:
        unit = reader.unit(at)
        if unit is not None and is_sign(unit, "-.") and text and not unit.said and _glued(reader, at + 1):
            at += 1
            continue
        more = _characters(reader, unit, text)
        if not more:
            break
        text, at = text + more, at + 1
        if not _possible(text):
            break
        if checks.is_iban(text):
            return Found(IBAN, at)
        if len(text) in _ID_LENGTHS and checks.is_lettered_id(text) and not _glued(reader, at):
            best = at
        if not _may_go_on(text):
            break
    if best is not None:
        return Found(NATIONAL_ID, best)
    return _misheard(place, text, at)


def _begins(place: Place) -> bool:
    """Return whether a code may begin here, with at least one digit among its first letters."""
    first, reader = place.first, place.reader
    before = reader.unit(place.at - 1) if place.at else None
    if first.kind == SIGN or (first.glued and before is not None and before.kind != SIGN):
        return False
    letters = 0
    for at in range(place.at, place.at + 7):
        unit = reader.unit(at)
        if letters and is_sign(unit, "-"):
            continue
        if is_number(unit):
            return letters > 0
        if unit is None or not _letters(reader, unit):
            return False
        letters += len(_letters(reader, unit))
    return False


def _letters(reader: Reader, unit: Unit) -> str:
    if letter := letter_of(reader, unit):
        return letter
    short = unit.kind == WORD and (len(unit.text) == 2 or unit.capitals)
    return unit.text.upper() if short and unit.text.isascii() and len(unit.text) <= 6 else ""


def _characters(reader: Reader, unit: Unit | None, before: str) -> str:
    if unit is None:
        return ""
    if is_number(unit):
        return unit.text
    if letter := letter_of(reader, unit):
        return letter
    bank = before[:2] in checks.IBAN_LENGTHS and before[2:4].isdecimal()
    written = unit.kind == WORD and unit.text.isascii() and (unit.capitals or unit.glued or bank or not before)
    return unit.text.upper() if written and len(unit.text) <= (6 if unit.glued or not before else _GROUP) else ""


def _glued(reader: Reader, at: int) -> bool:
    unit = reader.unit(at)
    return unit is not None and unit.glued and unit.kind != SIGN


def _possible(text: str) -> bool:
    return text.isascii() and len(text) <= _LONGEST


def _may_go_on(text: str) -> bool:
    """Return whether an account or an id may begin with a text that is none yet."""
    account = checks.IBAN_LENGTHS.get(text[:2], 0) if text[2:4].isdecimal() or len(text) < 4 else 0
    return len(text) < max(account, *(length for length in _ID_LENGTHS))


def _misheard(place: Place, text: str, at: int) -> Found | None:
    """Return what was announced as an account, though it does not prove right."""
    figures = sum(char.isdecimal() for char in text)
    if place.announced(IBAN) and text[:2] in checks.IBAN_LENGTHS and text[2:4].isdecimal() and figures > 10:
        return Found(IBAN, at)
    announced = place.number_announced == NATIONAL_ID and (place.first.kind == LETTER or place.first.capitals)
    return Found(NATIONAL_ID, at) if announced and figures > 4 and len(text) - figures < 5 else None
