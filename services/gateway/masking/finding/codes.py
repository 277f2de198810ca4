"""Finds codes of letters and digits: accounts (IBAN) and national ids that begin with a letter. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from services.gateway.masking import checks
from services.gateway.masking.finding.place import Found, Place, is_number, is_sign
from services.gateway.masking.finding.spelling import behind_letter, letter_of
from services.gateway.masking.kinds import IBAN, NATIONAL_ID, OTHER
from services.gateway.masking.reading import LETTER, SIGN, WORD, Reader, Unit

_LONGEST = 34  # characters of an IBAN
_MOST_BEFORE_DIGITS = 7  # units
_LONGEST_WORD = 6  # letters at once
_GROUP = 4  # letters that an IBAN is written in at once
_LEAST_FIGURES, _MOST_LETTERS = 4, 10  # of an id that was announced
_LEAST_ACCOUNT = 10  # digits of an account that was announced and is misheard
_PAUSES = "-,/.:\N{HORIZONTAL ELLIPSIS}"
_MOST_BETWEEN = 4  # signs and words between two characters


def code(place: Place) -> Found | None:
    """Return the account or id that begins with the letter at a place."""
    if not _begins(place):
        return None
    ends = _collected(place)
    for text, behind in reversed(ends):
        if checks.is_iban(text):
            return Found(IBAN, behind)
    if not ends or place.number_announced == OTHER or _is_common(place.reader, place.first):
        return None
    for text, behind in reversed(ends):
        if checks.looks_like_iban(text):
            return Found(IBAN, behind)
    for text, behind in reversed(ends):
        if checks.is_lettered_id(text) and _ends_at(place.reader, behind):
            return Found(NATIONAL_ID, behind)
    return _misheard(place, ends)


def _is_common(reader: Reader, unit: Unit) -> bool:
    """Return whether a unit is a common word, such as "es" or "no", that may be a country's code as well."""
    return unit.kind == WORD and not unit.capitals and unit.text in reader.words.fillers


def _may_be_country(place: Place, code: str) -> bool:
    """Return whether a common word may be said for the country of an account: where one was announced, or it is the
    speaker's own ("es veintiuno ...").
    """
    own = place.lang.partition("-")[0].upper() == code
    return code in checks.IBAN_LENGTHS and (own or place.announced(IBAN))


def _ends_at(reader: Reader, at: int) -> bool:
    unit = reader.unit(at)
    return not is_number(unit) and not _glued(reader, at)


def _collected(place: Place) -> list[tuple[str, int]]:
    """Return the characters from a place on, as texts that grow, each with the unit behind it."""
    reader, at, text, ends = place.reader, place.at, "", list[tuple[str, int]]()
    while len(text) < _LONGEST:
        over = _over(reader, at) if text else at
        unit = reader.unit(over)
        more = _characters(reader, unit, text)
        if not more or not more.isascii() or len(text + more) > _LONGEST:
            break
        at = behind_letter(reader, over, more) if letter_of(reader, unit) else over + 1
        text += more
        ends.append((text, at))
    return ends


def _over(reader: Reader, at: int) -> int:
    """Return the unit behind signs and pauses within a code; the same one where it does not go on there."""
    for behind in range(at, at + _MOST_BETWEEN + 1):
        unit = reader.unit(behind)
        if unit is None:
            return at
        link = unit.kind == WORD and unit.text in reader.words.links
        if not link and not is_sign(unit, _PAUSES):
            goes_on = behind == at or is_number(unit) or letter_of(reader, unit) or unit.capitals
            return behind if goes_on else at
    return at


def _begins(place: Place) -> bool:
    """Return whether a code may begin here, with at least one digit among its first letters."""
    first, reader = place.first, place.reader
    before = reader.unit(place.at - 1) if place.at else None
    if first.kind == SIGN or (first.glued and before is not None and before.kind != SIGN):
        return False
    letters, at, limit = 0, place.at, place.at + _MOST_BEFORE_DIGITS
    while at < limit:
        unit = reader.unit(at)
        if letters and is_sign(unit, "-,."):
            at += 1
            continue
        if is_number(unit):
            return letters > 0
        if unit is None or not (spelled := _letters(reader, unit)):
            return False
        if len(spelled) > 1 and _is_common(reader, unit):
            return not letters and _may_be_country(place, spelled) and is_number(reader.unit(at + 1))
        letters += len(spelled)
        behind = behind_letter(reader, at, spelled) if len(spelled) == 1 else at + 1
        at, limit = behind, limit + behind - at - 1
    return False


def _letters(reader: Reader, unit: Unit) -> str:
    if letter := letter_of(reader, unit):
        return letter
    short = unit.kind == WORD and (len(unit.text) == 2 or unit.capitals)
    return unit.text.upper() if short and unit.text.isascii() and len(unit.text) <= _LONGEST_WORD else ""


def _characters(reader: Reader, unit: Unit | None, before: str) -> str:
    if unit is None:
        return ""
    if is_number(unit):
        return unit.text
    if letter := letter_of(reader, unit):
        return letter
    bank = before[:2] in checks.IBAN_LENGTHS and before[2:4].isdecimal()
    written = unit.kind == WORD and unit.text.isascii() and (unit.capitals or unit.glued or bank or not before)
    most = _LONGEST_WORD if unit.glued or not before else _GROUP
    return unit.text.upper() if written and len(unit.text) <= most else ""


def _glued(reader: Reader, at: int) -> bool:
    unit = reader.unit(at)
    return unit is not None and unit.glued and unit.kind != SIGN


def _misheard(place: Place, ends: Sequence[tuple[str, int]]) -> Found | None:
    """Return what was announced as an account or an id, though it does not prove right."""
    text, behind = next((each for each in reversed(ends) if each[0][-1].isdecimal()), ends[-1])
    figures = sum(char.isdecimal() for char in text)
    if place.announced(IBAN) and text[:2] in checks.IBAN_LENGTHS and figures >= _LEAST_ACCOUNT:
        return Found(IBAN, behind)
    if place.number_announced != NATIONAL_ID or not (place.first.kind == LETTER or _is_short(place)):
        return None
    text, behind = ends[-1]
    letters = len(text) - figures
    return Found(NATIONAL_ID, behind) if figures >= _LEAST_FIGURES and letters <= _MOST_LETTERS else None


def _is_short(place: Place) -> bool:
    """Return whether the place has letters that begin an id, and no word."""
    following = place.reader.unit(place.at + 1)
    glued = following is not None and following.glued
    return place.first.capitals or glued or bool(letter_of(place.reader, place.first))
