"""Finds what is made of digits: addresses of machines, cards, ids and telephone numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address

from services.gateway.masking import checks
from services.gateway.masking.finding.place import Found, Place, is_number, is_sign
from services.gateway.masking.kinds import CARD, IBAN, IP, NATIONAL_ID, OTHER, PHONE
from services.gateway.masking.reading import LETTER, NUMBER, SIGN, Reader, Unit
from services.gateway.masking.telephones import LENGTHS, is_number as is_telephone

MOST_DIGITS = 20  # that are looked at from one place on
_PARTS = "-./()"  # signs within a number
_ID_LENGTHS = range(5, 16)
_CARD_LENGTHS = range(12, 20)  # of a number that was announced as one
_GROUPS_OF_SSN = (3, 5, 9)  # digits behind each group
_LONGEST_IPV6 = 40  # units


@dataclass(frozen=True, slots=True)
class Digits:
    """Digits from a place on, and where they may end."""

    text: str
    ends: dict[int, int]  # by count of digits, the unit behind them
    whole: bool  # whether they end there, and not only what is looked at
    abroad: bool = False  # whether a plus sign is before them
    dashed: bool = False

    @property
    def behind(self) -> int:
        """The unit behind all of them."""
        return self.ends.get(len(self.text), 0)


def digits_at(place: Place) -> Digits | None:
    """Return the digits that begin at a place; None where none do."""
    reader, at, text, ends, dashed = place.reader, place.at, "", dict[int, int](), False
    abroad = is_sign(place.first, "+")
    while abroad and is_sign(reader.unit(at), "+(") and at < place.at + 2:
        at += 1
    at += is_sign(reader.unit(at), "(")
    while is_number(unit := reader.unit(at)) and len(text) < MOST_DIGITS:
        assert unit is not None
        text, at = text + unit.text, at + 1
        ends[len(text)] = at
        following = _next_number(reader, at)
        after = reader.unit(following)
        if after is not None and after.said != unit.said:
            break
        dashed |= following > at
        at = following
    return Digits(text, ends, len(text) < MOST_DIGITS, abroad, dashed) if text else None


def _next_number(reader: Reader, at: int) -> int:
    """Return the unit at which digits go on behind the signs that part them."""
    for behind in range(at, at + 3):
        unit = reader.unit(behind)
        if unit is None or unit.kind != SIGN or unit.text not in _PARTS or unit.said or _spaced_stop(reader, behind):
            return behind if is_number(unit) else at
    return at


def _spaced_stop(reader: Reader, at: int) -> bool:
    """Return whether a sign ends what is before it: a dot with a space behind it."""
    sign, following = reader.unit(at), reader.unit(at + 1)
    return is_sign(sign, "./") and (following is None or not following.glued)


def ip(place: Place) -> Found | None:
    """Return the address of a machine that begins at a place."""
    reader, at = place.reader, place.at
    if not is_number(place.first) or _goes_on(place):
        return _ipv6(place)
    for part in range(4):
        at, figures = _part(reader, at)
        if not figures or int(figures) > 255:
            return _ipv6(place)
        if part < 3:
            if not _dotted(reader, at):
                return _ipv6(place)
            at += 1
    return None if _dotted(reader, at) else Found(IP, at)


def _part(reader: Reader, at: int) -> tuple[int, str]:
    """Return the unit behind a part of an address, and its figures, which may be said one by one."""
    figures, unit = "", reader.unit(at)
    while is_number(unit) and unit is not None and len(figures + unit.text) <= 3 and (unit.said or not figures):
        figures, at = figures + unit.text, at + 1
        unit = reader.unit(at)
    return at, figures


def _dotted(reader: Reader, at: int) -> bool:
    dot, following = reader.unit(at), reader.unit(at + 1)
    if dot is None or not is_sign(dot, ".") or not is_number(following):
        return False
    return dot.said or (dot.glued and following is not None and following.glued)


def _ipv6(place: Place) -> Found | None:
    reader, text, best = place.reader, "", None
    first = place.first
    if is_sign(first, ":") and not is_sign(reader.unit(place.at + 1), ":"):
        return None
    for at in range(place.at, place.at + _LONGEST_IPV6):
        unit = reader.unit(at)
        if unit is None or unit.said or (text and not unit.glued) or (unit.kind == SIGN and unit.text not in ":."):
            break
        text += unit.text
        if text.count(":") < 2 and len(text) > 9:
            break
        if text.count(":") >= 2 and unit.text != "." and _is_ipv6(text):
            best = at + 1
    return Found(IP, best) if best is not None and len(text) > 2 else None


def _is_ipv6(text: str) -> bool:
    try:
        return bool(IPv6Address(text))
    except AddressValueError:
        return False


def number(place: Place) -> Found | None:
    """Return the card, id or telephone number that begins at a place."""
    digits = digits_at(place)
    if digits is None or (digits.abroad and not digits.text):
        return None
    begins = not _goes_on(place)
    announced = place.number_announced
    found = _card(digits, announced, begins) or _id(place, digits, announced, begins)
    return found or _telephone(place, digits, announced, begins)


def _goes_on(place: Place) -> bool:
    """Return whether the place is within digits that begin earlier."""
    before = place.reader.unit(place.at - 1) if place.at else None
    if before is not None and before.kind == SIGN and before.text in "-.+(" and place.at > 1 and place.first.glued:
        before = place.reader.unit(place.at - 2)
    return is_number(before)


def _card(digits: Digits, announced: str, begins: bool) -> Found | None:
    if digits.whole and checks.is_card(digits.text):
        return Found(CARD, digits.behind)
    for length in reversed(checks.CARD_LENGTHS):
        if length in digits.ends and checks.is_card(digits.text[:length]):
            return Found(CARD, digits.ends[length])
    misheard = begins and announced == CARD and len(digits.text) in _CARD_LENGTHS
    return Found(CARD, digits.behind) if misheard and digits.whole else None


def _id(place: Place, digits: Digits, announced: str, begins: bool) -> Found | None:
    if not begins or not digits.whole or digits.abroad:
        return None
    language = place.lang.partition("-")[0]
    count, behind = len(digits.text), digits.behind
    lettered = _letter_behind(place.reader, behind)
    if lettered is not None:
        letter, after = lettered
        if checks.is_lettered_id(digits.text + letter):
            return Found(NATIONAL_ID, after)
        if announced == NATIONAL_ID and count in _ID_LENGTHS:
            return Found(NATIONAL_ID, after)
    ssn = language == "en" and digits.dashed and tuple(digits.ends) == _GROUPS_OF_SSN
    if ssn or checks.is_number_id(digits.text, language):
        return Found(NATIONAL_ID, behind)
    return Found(NATIONAL_ID, behind) if announced == NATIONAL_ID and count in _ID_LENGTHS else None


def _letter_behind(reader: Reader, at: int) -> tuple[str, int] | None:
    """Return the letter that ends an id, and the unit behind it."""
    unit = reader.unit(at)
    if is_sign(unit, "-"):
        at, unit = at + 1, reader.unit(at + 1)
    letter = letter_of(reader, unit)
    following = reader.unit(at + 1) if letter else None
    return None if not letter or (following is not None and following.glued and following.kind != SIGN) else (letter, at + 1)


def letter_of(reader: Reader, unit: Unit | None) -> str:
    """Return the capital that a unit stands for, by itself or by its name; empty where it is none."""
    if unit is None:
        return ""
    return unit.text if unit.kind == LETTER else reader.words.letters.get(unit.text, "")


def _telephone(place: Place, digits: Digits, announced: str, begins: bool) -> Found | None:
    abroad = digits.abroad or digits.text.startswith("00")
    if announced == OTHER and not abroad:
        return None
    if (begins or announced) and digits.whole and is_telephone(digits.text, tuple(place.regions), abroad):
        return Found(PHONE, digits.behind)
    if abroad or announced == PHONE:
        for length in sorted(digits.ends, reverse=True):
            if is_telephone(digits.text[:length], tuple(place.regions), abroad):
                return Found(PHONE, digits.ends[length])
        likely = begins and digits.whole and len(digits.text) in LENGTHS
        return Found(PHONE, digits.behind) if likely else None
    if begins and announced in (CARD, IBAN) and digits.whole and len(digits.text) in _CARD_LENGTHS:
        return Found(announced, digits.behind)
    return None


def begins_number(unit: Unit) -> bool:
    """Return whether a number may begin with a unit."""
    return unit.kind == NUMBER or (unit.kind == SIGN and unit.text in "+(:")
