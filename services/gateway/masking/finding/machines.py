"""Finds addresses of machines, written or said. Pure."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address

from services.gateway.masking.finding.digits import goes_on
from services.gateway.masking.finding.place import Found, Place, is_number, is_sign
from services.gateway.masking.finding.spelling import letter_of
from services.gateway.masking.kinds import IP
from services.gateway.masking.reading import SIGN, WORD, Reader, Unit

_LONGEST_IPV6 = 40  # units
_LONGEST_PART = 4  # characters of one
_VERSION_UNITS = 3  # from the word "version" to its number
_STOPS = 3
_HEXADECIMAL = frozenset("0123456789abcdef")


def ip(place: Place) -> Found | None:
    """Return the address of a machine that begins at a place; a version is none."""
    first = place.first
    found = None if first.kind == WORD and len(first.text) > _LONGEST_PART else _address(place)
    if found is None or place.announced(IP):
        return found
    around = (*range(max(0, place.at - _VERSION_UNITS), place.at), *range(found.behind, found.behind + _VERSION_UNITS))
    words = {unit.text for at in around if (unit := place.reader.unit(at))}
    return None if words & place.words.versions else found


def _address(place: Place) -> Found | None:
    reader, at = place.reader, place.at
    if not is_number(place.first) or goes_on(place):
        return _ipv6(place) or _said_ipv6(place)
    for part in range(4):
        at, figures = _part(reader, at)
        if not figures or int(figures) > 255:
            return _ipv6(place) or _said_ipv6(place)
        if part < 3:
            if not _dotted(place, at):
                return _ipv6(place) or _said_ipv6(place)
            at += 1
    return None if _dotted(place, at) else Found(IP, at)


def _part(reader: Reader, at: int) -> tuple[int, str]:
    """Return the unit behind a part of an address, and its figures, which may be said one by one."""
    figures, unit = "", reader.unit(at)
    while is_number(unit) and unit is not None and len(figures + unit.text) <= 3 and (unit.said or not figures):
        figures, at = figures + unit.text, at + 1
        unit = reader.unit(at)
    return at, figures


def _dotted(place: Place, at: int) -> bool:
    dot = place.reader.unit(at)
    if dot is None or not is_sign(dot, "."):  # then what follows is not waited for
        return False
    following = place.reader.unit(at + 1)
    if not is_number(following):
        return False
    return dot.said or place.announced(IP) or (dot.glued and following is not None and following.glued)


def _ipv6(place: Place) -> Found | None:
    """Return the address of six parts and more that is written from the first character of a word on."""
    reader, ends, text = place.reader, list[tuple[str, int]](), ""
    before = reader.unit(place.at - 1) if place.at and place.first.glued else None
    if place.first.said or (before is not None and (before.kind != SIGN or before.text in ":.")):
        return None
    for at in range(place.at, place.at + _LONGEST_IPV6):
        if text and not reader.is_glued(at):
            break
        unit = reader.unit(at)
        if unit is None or unit.said or (unit.kind == SIGN and unit.text not in ":."):
            break
        text += unit.text
        ends.append((text, at + 1))
        if ":" not in text and len(text) > _LONGEST_PART:
            return None
    for whole, behind in reversed(ends[-_STOPS:]):  # a stop or colon may stand behind it
        if whole.count(":") > 1 and len(whole) > 2 and _is_ipv6(whole):
            return Found(IP, behind)
    return None


def _said_ipv6(place: Place) -> Found | None:
    """Return the address whose colons are said: "f e eight zero colon colon one"."""
    reader, text, at, found = place.reader, "", place.at, None
    before = reader.unit(at - 1) if at else None
    if _hexadecimal(reader, before) and before is not None and before.kind != WORD:
        return None
    while at < place.at + _LONGEST_IPV6:
        unit = reader.unit(at)
        if unit is not None and is_sign(unit, ":") and text:
            at, text = at + 1, text + ":"
        elif unit is not None and (part := _hexadecimal(reader, unit)):
            at, text = at + 1, text + part
        else:
            break
        if ":" not in text and len(text) > _LONGEST_PART:
            return None
        if text.count(":") > 1 and text[-1:] != ":" and _is_ipv6(text):
            found = Found(IP, at)
    return found


def _hexadecimal(reader: Reader, unit: Unit | None) -> str:
    if unit is None or unit.kind == SIGN:
        return ""
    text = letter_of(reader, unit).lower() or unit.text.lower()
    return text if len(text) <= _LONGEST_PART and set(text) <= _HEXADECIMAL else ""


def _is_ipv6(text: str) -> bool:
    try:
        return bool(IPv6Address(text))
    except AddressValueError:
        return False
