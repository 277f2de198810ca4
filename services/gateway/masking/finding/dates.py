"""Finds dates of birth: a date beside a word that says so. Pure."""

from __future__ import annotations

from services.gateway.masking.finding.numbers import digits_at
from services.gateway.masking.finding.place import Found, Place, announced_behind, is_number, is_sign
from services.gateway.masking.kinds import BIRTH_DATE
from services.gateway.masking.reading import NUMBER, WORD, Reader, Unit

_BEHIND = 7  # units behind a date in which a word may say whose it is
_ARTICLES = frozenset(["the", "of", "on", "de", "del", "do", "da", "el", "le", "o", "a", "em", "in"])
_ENDINGS = frozenset(["st", "nd", "rd", "th", "º", "ª", "o", "a", "er"])
_MOST_DAY, _MOST_MONTH = 31, 12


def birth_date(place: Place) -> Found | None:
    """Return the date of birth that begins at a place."""
    behind = _date(place.reader, place.at) or _said_date(place)
    if behind is None or not (
        place.announced(BIRTH_DATE) or announced_behind(place.reader, behind, BIRTH_DATE, _BEHIND)
    ):
        return None
    return Found(BIRTH_DATE, behind)


def _said_date(place: Place) -> int | None:
    """Return the unit behind a date that is said as six or eight digits, where one was announced."""
    if not place.announced(BIRTH_DATE) or place.first.kind != NUMBER or not place.first.said:
        return None
    digits = digits_at(place)
    if digits is None or not digits.whole or len(digits.text) not in (6, 8):
        return None
    day, month = sorted((int(digits.text[:2]), int(digits.text[2:4])), reverse=True)
    return digits.behind if 0 < day <= _MOST_DAY and 0 < month <= _MOST_MONTH else None


def _date(reader: Reader, at: int) -> int | None:
    """Return the unit behind a date; None where there is none."""
    first = reader.unit(at)
    if first is None:
        return None
    if first.kind == WORD and first.text in reader.words.months and not first.text.isdecimal():
        return _month_first(reader, at + 1)
    if first.kind == NUMBER and (behind := _figures(reader, at)) is not None:
        return behind
    behind = _day(reader, at)
    if behind is None:
        return None
    over = _over(reader, behind)
    month = reader.unit(over)
    if month is not None and month.kind == WORD and month.text in reader.words.months:
        return _year(reader, over + 1)
    return _numbered_month(reader, behind, over)


def _numbered_month(reader: Reader, behind: int, over: int) -> int | None:
    """Return the unit behind a date whose month is a number: "veintiuno del siete de dos mil uno"."""
    month = reader.unit(over)
    if over == behind or month is None or not is_number(month) or not 0 < int(month.text) <= _MOST_MONTH:
        return None
    year = _year(reader, over + 1)
    return year if year > over + 1 else None


def _figures(reader: Reader, at: int) -> int | None:
    """Return the unit behind a date in figures, such as 04/07/1976 or 1976-07-04."""
    parts = []
    for part in range(3):
        unit = reader.unit(at)
        if not is_number(unit) or unit is None or unit.said:
            return None
        parts.append(int(unit.text))
        at += 1
        if part < 2:
            if not is_sign(reader.unit(at), "/-."):
                return None
            at += 1
    if parts[0] > _MOST_DAY:
        parts.reverse()
    day, month = sorted(parts[:2], reverse=True)
    return at if 0 < day <= _MOST_DAY and 0 < month <= _MOST_MONTH else None


def _day(reader: Reader, at: int) -> int | None:
    """Return the unit behind a day of a month; "twenty third" is two of them."""
    unit, following = reader.unit(at), reader.unit(at + 1)
    if unit is None:
        return None
    if unit.kind == WORD:
        return at + 1 if unit.text in reader.words.ordinals else None
    if not is_number(unit) or not 0 < int(unit.text) <= _MOST_DAY:
        return None
    ordinal = following is not None and following.kind == WORD and following.text in reader.words.ordinals
    ending = following is not None and following.glued and following.text.lower() in _ENDINGS
    return at + 2 if (unit.said and ordinal) or ending else at + 1


def _month_first(reader: Reader, at: int) -> int | None:
    behind = _day(reader, _over(reader, at))
    if behind is None:
        unit = reader.unit(_over(reader, at))
        return _year(reader, at) if is_year(unit) else None
    return _year(reader, behind)


def _over(reader: Reader, at: int) -> int:
    """Return the unit behind words such as "of" and a comma."""
    for _ in range(2):
        unit = reader.unit(at)
        if unit is None or not (unit.text.lower() in _ARTICLES or is_sign(unit, ",")):
            break
        at += 1
    return at


def _year(reader: Reader, at: int) -> int:
    """Return the unit behind a year, where one begins; else that behind the date without it."""
    behind = _over(reader, at)
    first, second = reader.unit(behind), reader.unit(behind + 1)
    if first is None or first.kind != NUMBER:
        return at
    if is_year(first):
        return behind + 1
    if len(first.text) == 2 and second is not None and is_number(second) and second.said:
        third = reader.unit(behind + 2)
        oh = second.text == "0" and is_number(third) and third is not None and len(third.text) == 1
        return behind + 3 if oh else behind + 2
    return behind + 1 if len(first.text) == 2 else at


def is_year(unit: Unit | None) -> bool:
    """Return whether a unit is a year in four figures."""
    return unit is not None and unit.kind == NUMBER and len(unit.text) == 4
