"""Finds dates of birth: a date beside a word that says so. Pure."""

from __future__ import annotations

from services.gateway.masking.finding.digits import Digits, digits_at
from services.gateway.masking.finding.place import Found, Place, announced_behind, is_number, is_sign
from services.gateway.masking.kinds import BIRTH_DATE
from services.gateway.masking.reading import NUMBER, WORD, Reader, Unit

_BEHIND = 10  # units behind a date in which a word may say whose it is
_ARTICLES = frozenset(
    ["the", "of", "on", "de", "del", "do", "da", "el", "le", "o", "a", "em", "in", "año", "ano", "year", "mes", "mês"]
)
_BETWEEN = ",.-/'\N{RIGHT SINGLE QUOTATION MARK}"  # signs within a date
_PAIR = 2  # digits that are said at once
_MOST_OVER = 3  # units between two parts of a date
_FROM = frozenset(["de", "del", "do"])
_AM = frozenset(["soy", "sou"])
_IS = _AM | {"es", "é", "era", "son", "são"}
_FROM_UNITS = 8  # before a date, in which somebody is named
_CENTURIES = ("19", "20")
_ENDINGS = frozenset(["st", "nd", "rd", "th", "º", "ª", "o", "a", "er"])
_MOST_DAY, _MOST_MONTH = 31, 12


def birth_date(place: Place) -> Found | None:
    """Return the date of birth that begins at a place."""
    behind = _date(place.reader, place.at) or _said_date(place)
    if behind is None:
        return None
    told = place.announced(BIRTH_DATE) or announced_behind(place.reader, behind, BIRTH_DATE, _BEHIND)
    return Found(BIRTH_DATE, behind) if told or (is_year(_last(place.reader, behind)) and _is_from(place)) else None


def _last(reader: Reader, behind: int) -> Unit | None:
    return reader.unit(behind - 1)


def _is_from(place: Place) -> bool:
    """Return whether words say that somebody is "from" a date: "mi niño es del uno de agosto de 2018"."""
    before = [place.reader.unit(at) for at in range(max(0, place.at - _FROM_UNITS), place.at)]
    texts = [unit.text.lower() for unit in before if unit]
    if len(texts) < 2 or texts[-1] not in _FROM or not _IS.intersection(texts[-3:-1]):
        return False
    return bool(_AM.intersection(texts[-3:-1]) or place.words.persons.intersection(texts))


def _said_date(place: Place) -> int | None:
    """Return the unit behind a date that is said as digits, where one was announced: "oh four oh seven eighty"."""
    if not place.announced(BIRTH_DATE) or place.first.kind != NUMBER or not place.first.said:
        return None
    digits = digits_at(place)
    if digits is None or not digits.wholes:
        return None
    text = digits.text
    if len(text) in (6, 8):
        parts = (text[4:6], text[6:]) if len(text) == 8 and text.startswith(_CENTURIES) else (text[:2], text[2:4])
        return digits.behind if _is_day_and_month(*parts) else None
    if len(digits.sizes) not in (3, 4) or max(digits.sizes) > _PAIR or digits.sizes[2] != _PAIR:
        return None
    return digits.behind if _is_day_and_month(*_first_parts(digits)) else None


def _first_parts(digits: Digits) -> tuple[str, str]:
    first, second = digits.sizes[:2]
    return digits.text[:first], digits.text[first : first + second]


def _is_day_and_month(first: str, second: str) -> bool:
    day, month = sorted((int(first), int(second)), reverse=True)
    return 0 < day <= _MOST_DAY and 0 < month <= _MOST_MONTH


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
    if over == behind or (behind_month := _day(reader, over)) is None:
        return None
    month = reader.unit(over)
    assert month is not None
    number = reader.words.ordinals.get(month.text, 0) if month.kind == WORD else int(month.text)
    year = _year(reader, behind_month)
    return year if 0 < number <= _MOST_MONTH and year > behind_month else None


def _figures(reader: Reader, at: int) -> int | None:
    """Return the unit behind a date in figures, such as 04/07/1976 or 1976-07-04."""
    parts = []
    for part in range(3):
        unit = reader.unit(at)
        if not is_number(unit) or unit is None:
            return None
        parts.append(int(unit.text))
        at += 1
        if part < 2:
            if not is_sign(reader.unit(at), "/-."):
                return None
            at += 1
    if parts[0] > _MOST_DAY:
        parts.reverse()
    century = reader.unit(at - 1)
    if century is not None and century.said and century.text in _CENTURIES and is_number(reader.unit(at)):
        at += 1  # "nineteen seventy six"
    return at if _is_day_and_month(str(parts[0]), str(parts[1])) else None


def _day(reader: Reader, at: int) -> int | None:
    """Return the unit behind a day of a month; "twenty third" is two of them."""
    unit = reader.unit(at)
    if unit is None:
        return None
    if unit.kind == WORD:
        return at + 1 if unit.text in reader.words.ordinals else None
    if not is_number(unit) or not 0 < int(unit.text) <= _MOST_DAY:
        return None
    following = reader.unit(at + 1)
    if unit.said and is_sign(following, "-"):  # "twenty-third"
        at, following = at + 1, reader.unit(at + 2)
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
    for _ in range(_MOST_OVER):
        unit = reader.unit(at)
        if unit is None or not (unit.text.lower() in _ARTICLES or is_sign(unit, _BETWEEN)):
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
