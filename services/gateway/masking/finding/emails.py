"""Finds addresses of e-mail, written or said ("john dot smith at example dot com"). Pure."""

from __future__ import annotations

from services.gateway.masking.checks import DOMAINS
from services.gateway.masking.finding.place import Found, Place, is_apart, is_sign
from services.gateway.masking.finding.spelling import letter_of
from services.gateway.masking.kinds import EMAIL
from services.gateway.masking.reading import LETTER, NUMBER, SIGN, WORD, Reader, Unit

_LONGEST = 24  # units of the part before the "at", and of that behind it
_MOST_WORDS = 4  # words of a name in a row, where an address is announced
_LABEL_WORDS = 3  # words of a domain in a row, where it is said
_NAME_SIGNS = ".-_+'&%"
_PROVIDERS = frozenset(["gmail", "hotmail", "outlook", "yahoo", "icloud", "protonmail", "live", "aol", "gmx"])


def email(place: Place) -> Found | None:
    """Return the address that begins at a place, and the unit behind it."""
    at = _name(place)
    if at is None:
        return None
    behind = _domain(place, at + 1)
    if behind is None or is_sign(place.reader.unit(behind), "@"):
        return None
    return Found(EMAIL, behind)


def _name(place: Place) -> int | None:
    """Return the unit of the "at" behind the name that begins at a place."""
    reader, words, loose = place.reader, 1, False
    if place.first.kind == SIGN or reader.free_of_ats(place.at, _LONGEST) or _no_name(place):
        return None
    for at in range(place.at + 1, place.at + _LONGEST):
        before = reader.unit(at - 1)
        unit = None if _is_pause(place, at) else reader.unit(at)
        if unit is None or before is None:
            return None
        if is_sign(unit, "@"):
            return None if loose and unit.glued and not unit.said else at
        if SIGN not in (unit.kind, before.kind) and not unit.glued:
            loose = True
            words += unit.kind == WORD
            if not (_tied(place, before, unit) or (words <= _MOST_WORDS and _announced(place, unit))):
                return None
        elif not _joined(reader, before, unit) or (is_apart(reader, at) and not place.announced(EMAIL)):
            return None
    return None


def _is_pause(place: Place, at: int) -> bool:
    """Return whether a unit is a comma that parts a sentence, and no address: nothing announced one or is spelled."""
    reader = place.reader
    return reader.is_comma(at) and not (place.announced(EMAIL) or letter_of(reader, reader.unit(at - 1)))


def _joined(reader: Reader, before: Unit, unit: Unit) -> bool:
    """Return whether a sign joins two parts of a name: one that is said, or written without a space."""
    if is_sign(unit, ","):  # between letters that are spelled
        return bool(letter_of(reader, before))
    if is_sign(before, ","):
        return bool(letter_of(reader, unit))
    if unit.kind == SIGN:
        return unit.text in _NAME_SIGNS and (unit.said or unit.glued)
    return before.kind != SIGN or before.said or unit.glued


def _tied(place: Place, before: Unit, unit: Unit) -> bool:
    """Return whether a unit may continue a name though a space parts them: spelled letters, or a number. Behind a
    number a common word goes on with the sentence: "press one to".
    """
    fillers = place.words.fillers
    initial = before.kind == LETTER and before.text.lower() not in fillers
    spelled = letter_of(place.reader, before) and letter_of(place.reader, unit)
    counted = before.kind == NUMBER and (unit.kind != WORD or unit.text not in fillers)
    return initial or bool(spelled) or counted or unit.kind == NUMBER


def _announced(place: Place, unit: Unit) -> bool:
    return place.announced(EMAIL) and unit.text.lower() not in place.words.fillers


def _no_name(place: Place) -> bool:
    """Return whether a common word begins no name: nothing is written right behind it or, where an address was
    announced, tied to it.
    """
    reader, at, text = place.reader, place.at, place.first.text.lower()
    told = place.first.kind != WORD or place.announced(EMAIL)
    if text not in (place.words.fillers if told else place.words.common):
        return False
    if not told and (reader.is_comma(at + 1) or not reader.is_glued(at + 1)):
        return True
    following = reader.unit(at + 1)
    if following is None or (following.glued and not is_sign(following, ",;:!?")):
        return False
    spelled = False
    if place.first.text.isascii() and following.kind == LETTER:  # else the unit behind it is not waited for
        third = reader.unit(at + 2)
        spelled = third is not None and not third.glued
    return not (spelled or is_sign(following, _NAME_SIGNS))


def _domain(place: Place, at: int) -> int | None:
    """Return the unit behind the domain that begins at a unit."""
    reader, end, limit = place.reader, None, at + _LONGEST
    sure = _is_sure(place, at - 1)  # then any word may be the last part of the domain
    behind = _host(reader, at)
    sure &= behind == _label(reader, at)[0]
    if behind == at + 1 and (bare := _bare_domain(reader, at)):
        return bare
    while behind > at and behind < limit and _parts(reader, behind):
        at = behind + 1
        behind, label = _label(reader, at)
        if label in DOMAINS or (sure and label.isalpha() and len(label) > 1):
            end = behind
    return end


def _bare_domain(reader: Reader, at: int) -> int | None:
    """Return the unit behind a well-known domain whose dot was not heard: "gmail com"."""
    host, last = reader.unit(at), reader.unit(at + 1)
    known = host is not None and host.text in _PROVIDERS and last is not None and last.kind == WORD
    return at + 2 if known and last is not None and last.text in DOMAINS else None


def _is_sure(place: Place, at: int) -> bool:
    """Return whether an "at" can be no word: written, of a language where it means nothing else, or announced."""
    sign, before = place.reader.unit(at), place.reader.unit(at - 2)
    return sign is not None and (
        not sign.said or "at" not in place.words.signs or place.announced(EMAIL) or is_sign(before, _NAME_SIGNS)
    )


def _host(reader: Reader, at: int) -> int:
    """Return the unit behind the first part of a domain, which may be said in several words."""
    behind, _ = _label(reader, at)
    for _ in range(_LABEL_WORDS):
        unit = reader.unit(behind)
        if behind == at or unit is None or unit.kind == SIGN:
            break
        behind, _ = _label(reader, behind)
    return behind


def _label(reader: Reader, at: int) -> tuple[int, str]:
    """Return the unit behind a part of a domain, and its text: a word, letters that are spelled, what is tied to it."""
    behind, unit, text = at, reader.unit(at), ""
    while unit is not None and unit.kind != SIGN and behind < at + _LONGEST:
        spelled = unit.kind == LETTER
        text += unit.text.lower()
        behind += 1
        unit = reader.unit(behind)
        if spelled and is_sign(unit, ",") and letter_of(reader, reader.unit(behind + 1)):
            behind, unit = behind + 1, reader.unit(behind + 1)
        if is_sign(unit, "-_"):
            following = reader.unit(behind + 1)
            if unit is None or following is None or following.kind == SIGN or not (unit.said or following.glued):
                break
            behind, unit, text = behind + 1, following, text + "-"
        elif unit is None or not (unit.glued or unit.kind == NUMBER or (spelled and unit.kind == LETTER)):
            break
    return behind, text


def _parts(reader: Reader, at: int) -> bool:
    """Return whether a dot parts a domain here: a written one stands between letters, without a space."""
    dot, following = reader.unit(at), reader.unit(at + 1)
    if dot is None or following is None or not is_sign(dot, "."):
        return False
    return dot.said or (dot.glued and following.glued)
