"""Finds what is made of digits: addresses of machines, cards, ids and telephone numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address

from services.gateway.masking import checks
from services.gateway.masking.finding.place import Found, Place, announced_behind, is_number, is_sign
from services.gateway.masking.kinds import CARD, IBAN, IP, NATIONAL_ID, OTHER, PHONE
from services.gateway.masking.reading import LETTER, NUMBER, SIGN, Reader, Unit
from services.gateway.masking.telephones import LENGTHS, is_counted
from services.gateway.masking.telephones import is_number as is_telephone

MOST_DIGITS = 20  # that are looked at from one place on
_PARTS = "-./()"  # signs within a number
_ID_LENGTHS = range(5, 16)
_PLAIN_ID_LENGTHS = range(7, 12)  # of a number that is only said behind it to be an id
_BEHIND = 4  # units behind a number in which a word may say that it is an id
_CNPJ_LENGTH = 14
_CARD_LENGTHS = range(12, 20)  # of a number that was announced as one
_GROUPS_OF_SSN = (3, 5)  # digits behind each group
_LONGEST_IPV6 = 40  # units
_LONGEST_PART = 4  # characters of one
_STOPS = 3


@dataclass(frozen=True, slots=True)
class Digits:
    """Digits from a place on, and where they may end."""

    text: str
    ends: dict[int, int]  # by count of digits, the unit behind them
    wholes: tuple[int, ...]  # counts at which they may be complete: where figures turn to words, and where all end
    groups: tuple[int, ...]  # counts behind which a sign stands
    abroad: bool = False  # whether a plus sign is before them
    bracketed: bool = False
    said: bool = False

    @property
    def whole(self) -> bool:
        """Whether all of them are here, and not only what is looked at."""
        return len(self.text) in self.wholes

    @property
    def behind(self) -> int:
        """The unit behind all of them."""
        return self.ends[len(self.text)]


def digits_at(place: Place) -> Digits | None:
    """Return the digits that begin at a place; None where none do."""
    reader, at, text = place.reader, place.at, ""
    ends, wholes, groups = dict[int, int](), list[int](), list[int]()
    abroad = is_sign(place.first, "+")
    at += abroad
    bracketed = is_sign(reader.unit(at), "(")
    at += bracketed
    said = False
    while is_number(unit := reader.unit(at)) and len(text) < MOST_DIGITS:
        assert unit is not None
        text, at = text + unit.text, at + 1
        ends[len(text)] = at
        following = _next_number(reader, at)
        if following > at:
            groups.append(len(text))
        after = reader.unit(following)
        if is_number(after) and after is not None and after.said != unit.said:
            wholes.append(len(text))
        said |= unit.said
        at = following
    if not text:
        return None
    if len(text) < MOST_DIGITS:
        wholes.append(len(text))
    return Digits(text, ends, tuple(wholes), tuple(groups), abroad, bracketed, said)


def _next_number(reader: Reader, at: int) -> int:
    """Return the unit at which digits go on behind the signs that part them."""
    for behind in range(at, at + 3):
        unit = reader.unit(behind)
        if unit is None or unit.kind != SIGN or unit.text not in _PARTS or _is_stop(reader, behind):
            return behind if is_number(unit) else at
    return at


def _is_stop(reader: Reader, at: int) -> bool:
    """Return whether a sign ends what is before it: a dot with a space behind it, or one that is said."""
    sign, following = reader.unit(at), reader.unit(at + 1)
    if sign is None or sign.said:
        return is_sign(sign, ".+")
    return sign.text in "./" and (following is None or not following.glued)


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
    """Return the address of six parts and more that is written from the first character of a word on."""
    reader, ends, text = place.reader, list[tuple[str, int]](), ""
    before = reader.unit(place.at - 1) if place.at and place.first.glued else None
    if place.first.said or (before is not None and (before.kind != SIGN or before.text in ":.")):
        return None
    for at in range(place.at, place.at + _LONGEST_IPV6):
        unit = reader.unit(at)
        if unit is None or unit.said or (text and not unit.glued) or (unit.kind == SIGN and unit.text not in ":."):
            break
        text += unit.text
        ends.append((text, at + 1))
        if ":" not in text and len(text) > _LONGEST_PART:
            return None
    for whole, behind in reversed(ends[-_STOPS:]):  # a stop or colon may stand behind it
        if whole.count(":") > 1 and len(whole) > 2 and _is_ipv6(whole):
            return Found(IP, behind)
    return None


def _is_ipv6(text: str) -> bool:
    try:
        return bool(IPv6Address(text))
    except AddressValueError:
        return False


def number(place: Place) -> Found | None:
    """Return the card, id or telephone number that begins at a place."""
    digits = digits_at(place)
    if digits is None:
        return _long_id(place)
    begins = not _goes_on(place)
    announced = place.number_announced
    found = _card(digits, announced, begins) or (_id(place, digits, announced) if begins else None)
    return found or _telephone(place, digits, announced, begins)


def _long_id(place: Place) -> Found | None:
    """Return an id that is said as one number, of millions: "veintiocho millones novecientos mil tres guion seis"."""
    if place.first.kind != NUMBER or len(place.first.text) not in (7, 8):
        return None
    behind = place.at + 1
    dash, check = place.reader.unit(behind), place.reader.unit(behind + 1)
    if is_sign(dash, "-") and (is_number(check) or letter_of(place.reader, check)):
        behind += 2
    announced = place.number_announced == NATIONAL_ID or announced_behind(place.reader, behind, NATIONAL_ID, _BEHIND)
    return Found(NATIONAL_ID, behind) if announced else None


def _goes_on(place: Place) -> bool:
    """Return whether the place is within digits that begin earlier."""
    before = place.reader.unit(place.at - 1) if place.at else None
    if before is not None and before.kind == SIGN and before.text in "-.+(" and place.at > 1 and place.first.glued:
        before = place.reader.unit(place.at - 2)
    return is_number(before)


def _card(digits: Digits, announced: str, begins: bool) -> Found | None:
    lengths = dict.fromkeys([*digits.wholes, *reversed(checks.CARD_LENGTHS)])
    for length in lengths:
        if length in digits.ends and checks.is_card(digits.text[:length]):
            return Found(CARD, digits.ends[length])
    misheard = begins and announced == CARD and len(digits.text) in _CARD_LENGTHS
    return Found(CARD, digits.behind) if misheard and digits.whole else None


def _id(place: Place, digits: Digits, announced: str) -> Found | None:
    if not digits.whole or digits.abroad:
        return None
    lang = place.lang.partition("-")[0]
    told = announced == NATIONAL_ID and len(digits.text) in _ID_LENGTHS
    for letter, behind in _letter_behind(place.reader, digits.behind):
        if checks.is_lettered_id(digits.text + letter) or told:
            return Found(NATIONAL_ID, behind)
    if lang == "pt" and (cnpj := _cnpj(place)):
        return cnpj
    proven = _is_written_id(digits, lang) or checks.is_number_id(digits.text, lang)
    if not (proven or told) and len(digits.text) in _PLAIN_ID_LENGTHS and announced != PHONE:
        told = announced_behind(place.reader, digits.behind, NATIONAL_ID, _BEHIND)
    return Found(NATIONAL_ID, digits.behind) if proven or told else None


def _is_written_id(digits: Digits, lang: str) -> bool:
    """Return whether digits are grouped as an SSN is, or as a RUT that proves right."""
    if lang == "en":
        return digits.groups == _GROUPS_OF_SSN and len(digits.text) == 9
    return lang == "es" and digits.groups[-1:] == (len(digits.text) - 1,) and checks.is_rut(digits.text)


def _cnpj(place: Place) -> Found | None:
    """Return the CNPJ that is written from a place on: digits and, of late, letters."""
    reader, at, text = place.reader, place.at, ""
    while len(text) < _CNPJ_LENGTH and (unit := reader.unit(at)) is not None and (unit.glued or not text):
        if unit.kind != SIGN:
            text += unit.text.upper()
        elif unit.text not in "./-":
            break
        at += 1
    return Found(NATIONAL_ID, at) if checks.is_cnpj(text) else None


def _letter_behind(reader: Reader, at: int) -> Iterator[tuple[str, int]]:
    """Yield the letter that ends an id, where there is one, and the unit behind it."""
    unit = reader.unit(at)
    if is_sign(unit, "-"):
        at, unit = at + 1, reader.unit(at + 1)
    if letter := letter_of(reader, unit):
        following = reader.unit(at + 1)
        if following is None or not following.glued or following.kind == SIGN:
            yield letter, at + 1


def letter_of(reader: Reader, unit: Unit | None) -> str:
    """Return the capital that a unit stands for, by itself or by its name; empty where it is none."""
    if unit is None:
        return ""
    return unit.text if unit.kind == LETTER else reader.words.letters.get(unit.text, "")


def _telephone(place: Place, digits: Digits, announced: str, begins: bool) -> Found | None:
    abroad = digits.abroad or digits.text.startswith("00")
    if not abroad and (announced == OTHER or not (begins or announced)):
        return None
    if announced != PHONE and is_counted(digits.text):
        return None
    regions = place.regions.far if digits.said or digits.bracketed or announced == PHONE else place.regions.near
    for length in digits.wholes:
        if is_telephone(digits.text[:length], regions, abroad):
            return Found(PHONE, digits.ends[length])
    if abroad or announced == PHONE:
        return _likely(digits, regions, abroad, begins)
    if begins and announced in (CARD, IBAN) and digits.whole and len(digits.text) in _CARD_LENGTHS:
        return Found(announced, digits.behind)
    return None


def _likely(digits: Digits, regions: tuple[str, ...], abroad: bool, begins: bool) -> Found | None:
    """Return a number that was announced and is none of those known; of more digits than one has, the first."""
    if not begins:
        return None
    if digits.whole and len(digits.text) in LENGTHS:
        return Found(PHONE, digits.behind)
    for length in reversed(LENGTHS):
        if length in digits.ends and is_telephone(digits.text[:length], regions, abroad):
            return Found(PHONE, digits.ends[length])
    return None
