"""Finds what is made of digits: cards, ids and telephone numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from services.gateway.masking import checks
from services.gateway.masking.finding.digits import Digits, digits_at, goes_on, pieces
from services.gateway.masking.finding.place import Found, Place, announced_behind, is_number, is_sign
from services.gateway.masking.finding.spelling import behind_letter, letter_of
from services.gateway.masking.kinds import CARD, IBAN, NATIONAL_ID, OTHER, PHONE
from services.gateway.masking.reading import NUMBER, SIGN, WORD, Reader
from services.gateway.masking.telephones import LENGTHS, is_counted
from services.gateway.masking.telephones import is_number as is_telephone

_LEAST = 2  # digits that something may be found in
_ID_LENGTHS = range(5, 19)
_PLAIN_ID_LENGTHS = range(7, 12)  # of a number that is only said behind it to be an id
_MOST_BEFORE_LETTER = 2  # units between the digits of an id and its letter
_BEHIND = 5  # units behind a number in which a word may say what it is
_CNPJ_LENGTH = 14
_MOST_BEHIND_ID = 6  # units of an id behind its digits: "12345678 9 ZZ4"
_CARD_LENGTHS = range(12, 20)  # of a number that was announced as one
_SAID_CARD_LENGTHS = (15, 16)  # of one that nothing announced
_SAID_PHONE_LENGTHS = range(9, 13)
_CARD_FIRSTS = ("3", "4", "5", "6")
_CARD_GROUPS = ("4 4 4 4", "4 6 5")
# How digits are grouped in ids: SSN, CPF, CNPJ, DNI and RUT, CUIT, a number of the Spanish social security.
_ID_GROUPS = frozenset(["3 2 4", "3 3 3 2", "2 3 3 4 2", "2 3 3 1", "1 3 3 1", "2 8 1", "2 8 2"])
_DNI_GROUPS = ("8", "2 3 3", "1 3 3")
# How they are grouped in telephone numbers, and in hardly anything else where a hyphen or bracket parts them.
_PHONE_GROUPS = frozenset(["3 3 4", "3 4", "1 3 3 4", "2 5 4", "2 4 4", "3 4 4", "4 3 4", "5 3 3"])
_LOOSE_PHONE_GROUPS = frozenset(["3 2 2 2", "2 3 2 2", "3 3 4", "2 4 4"])
_ZERO_PHONE_GROUPS = frozenset(["3 4 4", "4 3 4", "5 3 3", "5 6"])  # where the first digit is a zero


def number(place: Place) -> Found | None:
    """Return the card, id or telephone number that begins at a place."""
    if place.first.kind not in (NUMBER, SIGN):
        return None
    digits = digits_at(place)
    if digits is None:
        return _long_id(place)
    if len(digits.text) < _LEAST and digits.whole:  # of so few nothing depends on what is said behind them
        return None
    begins = not goes_on(place)
    announced = place.number_announced or _told_behind(place, digits)
    found = _card(digits, announced, begins) or (_id(place, digits, announced) if begins else None)
    return found or _telephone(place, digits, announced, begins)


def _told_behind(place: Place, digits: Digits) -> str:
    """Return the kind that words behind a number say it is: "... is my passport", "... votes"; empty for none."""
    words, at = place.words, digits.behind
    following = place.reader.unit(at)
    if following is None or (following.kind == SIGN and following.text != ","):
        return ""
    equates = following.text.lower() in words.equating
    for behind in range(at, at + _BEHIND):
        unit = place.reader.unit(behind)
        if unit is None or is_sign(unit, ".!?;"):
            break
        kind = words.cues.get(unit.text, "") if unit.kind == WORD else ""
        if kind in (CARD, IBAN, NATIONAL_ID) or (kind == OTHER and (equates or behind == at)):
            return kind
    return ""


def _long_id(place: Place) -> Found | None:
    """Return an id that is said as one number, of millions: "veintiocho millones novecientos mil tres guion seis"."""
    if place.first.kind != NUMBER or len(place.first.text) not in (7, 8):
        return None
    behind = place.at + 1
    dash, check = place.reader.unit(behind), place.reader.unit(behind + 1)
    if is_sign(dash, "-,") and (is_number(check) or letter_of(place.reader, check)):
        behind += 2
    elif letter := letter_of(place.reader, dash):
        behind = behind_letter(place.reader, behind, letter)
    announced = place.number_announced == NATIONAL_ID or announced_behind(place.reader, behind, NATIONAL_ID, _BEHIND)
    return Found(NATIONAL_ID, behind) if announced else None


def _card(digits: Digits, announced: str, begins: bool) -> Found | None:
    lengths = dict.fromkeys([*digits.wholes, *reversed(checks.CARD_LENGTHS)])
    for length in lengths:
        if length in digits.ends and checks.is_card(digits.text[:length]):
            return Found(CARD, digits.ends[length])
    if not begins:
        return None
    for length in reversed(digits.wholes):
        if announced == CARD and length in _CARD_LENGTHS:
            return Found(CARD, digits.ends[length])
        if announced != OTHER and length in _SAID_CARD_LENGTHS and _is_cards(digits, length):
            return Found(CARD, digits.ends[length])
    return None


def _is_cards(digits: Digits, length: int) -> bool:
    """Return whether digits that do not prove right look like a card's: they are dictated, or grouped as on one."""
    grouped = length == len(digits.text) and pieces(digits.sizes) in _CARD_GROUPS
    return digits.dictated or (grouped and digits.text.startswith(_CARD_FIRSTS))


def _id(place: Place, digits: Digits, announced: str) -> Found | None:
    if digits.abroad or _within_word(place):
        return None
    if found := _shaped_id(place, digits, announced):
        return found
    if place.lang.partition("-")[0] == "pt" and (cnpj := _cnpj(place)):
        return cnpj
    ends = ((length, digits.ends[length]) for length in reversed(digits.wholes))
    found = next((each for length, behind in ends if (each := _proven_id(place, digits.text[:length], behind))), None)
    return found or _told_id(place, digits, announced)


def _proven_id(place: Place, text: str, behind: int) -> Found | None:
    for letter, after in _letter_behind(place.reader, behind):
        if checks.is_lettered_id(text + letter):
            return Found(NATIONAL_ID, after)
    return Found(NATIONAL_ID, behind) if checks.is_number_id(text, place.lang.partition("-")[0]) else None


def _told_id(place: Place, digits: Digits, announced: str) -> Found | None:
    for length in reversed(digits.wholes):
        behind = digits.ends[length]
        if announced == NATIONAL_ID and length in _ID_LENGTHS:
            return Found(NATIONAL_ID, _behind_id(place.reader, behind))
        plain = length in _PLAIN_ID_LENGTHS and announced not in (PHONE, CARD, OTHER)
        if plain and announced_behind(place.reader, behind, NATIONAL_ID, _BEHIND):
            return Found(NATIONAL_ID, behind)
    return None


def _within_word(place: Place) -> bool:
    """Return whether letters stand right before a number: it is a part of a code."""
    before = place.reader.unit(place.at - 1) if place.at and place.first.glued else None
    return before is not None and before.kind != SIGN


def _shaped_id(place: Place, digits: Digits, announced: str) -> Found | None:
    """Return an id that is known by how it is written, whether it proves right or not."""
    if announced in (OTHER, PHONE, CARD, IBAN) or digits.said or not digits.whole:
        return None
    groups = pieces(digits.sizes)
    if groups in _DNI_GROUPS:
        glued = place.reader.unit(digits.behind)
        if glued is not None and glued.glued and not glued.said:
            for _, after in _letter_behind(place.reader, digits.behind):
                return Found(NATIONAL_ID, after)
    signed = digits.signs and len(digits.groups) == len(digits.sizes) - 1
    return Found(NATIONAL_ID, digits.behind) if signed and groups in _ID_GROUPS else None


def _behind_id(reader: Reader, at: int) -> int:
    """Return the unit behind what ends an announced id, letters and digits that follow each other."""
    for _ in range(_MOST_BEHIND_ID):
        over = at + is_sign(reader.unit(at), "-,/")
        unit = reader.unit(over)
        if letter := letter_of(reader, unit):
            if over == at and unit is not None and not unit.glued and unit.text.lower() in reader.words.fillers:
                break
            at = behind_letter(reader, over, letter)
        elif is_number(unit) or (unit is not None and unit.kind == WORD and (unit.capitals or unit.glued)):
            at = over + 1
        else:
            break
    return at


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
    for _ in range(_MOST_BEFORE_LETTER):
        unit = reader.unit(at)
        if not is_sign(unit, "-,") and not (unit and unit.kind == WORD and unit.text in reader.words.links):
            break
        at += 1
    if letter := letter_of(reader, reader.unit(at)):
        behind = behind_letter(reader, at, letter)
        following = reader.unit(behind)
        if following is None or not following.glued or following.kind == SIGN:
            yield letter, behind


def _telephone(place: Place, digits: Digits, announced: str, begins: bool) -> Found | None:
    abroad = digits.abroad or digits.text.startswith("00")
    if not abroad and (announced == OTHER or not (begins or announced)):
        return None
    if announced != PHONE and (is_counted(digits.text) or _is_tens(digits)):
        return None
    regions = place.regions.far if digits.said or digits.bracketed or announced == PHONE else place.regions.near
    for length in digits.wholes:
        if is_telephone(digits.text[:length], regions, abroad):
            return Found(PHONE, digits.ends[length])
    if abroad or announced == PHONE:
        return _likely(digits, regions, abroad, begins)
    if begins and announced in (CARD, IBAN) and digits.whole and len(digits.text) in _CARD_LENGTHS:
        return Found(announced, digits.behind)
    return Found(PHONE, digits.behind) if begins and digits.whole and _is_shaped(digits) else None


def _is_tens(digits: Digits) -> bool:
    """Return whether numbers are those of somebody who counts by tens."""
    return set(digits.sizes) == {2} and set(digits.text[1::2]) == {"0"}


def _is_shaped(digits: Digits) -> bool:
    """Return whether digits that are no number known are said or written as those of a telephone are."""
    if digits.said:
        return digits.dictated and len(digits.text) in _SAID_PHONE_LENGTHS
    groups = pieces(digits.sizes)
    if digits.text.endswith("000000"):
        return False
    hyphened = bool(digits.signs & {"-", ")"} or digits.bracketed)
    if hyphened:
        return groups in _PHONE_GROUPS
    loose = groups in _LOOSE_PHONE_GROUPS or (digits.text.startswith("0") and groups in _ZERO_PHONE_GROUPS)
    return loose and "/" not in digits.signs


def _likely(digits: Digits, regions: tuple[str, ...], abroad: bool, begins: bool) -> Found | None:
    """Return a number that was announced and is none of those known; of more digits than one has, the first."""
    if not begins:
        return None
    wholes = reversed(digits.wholes) if digits.said else digits.wholes
    for length in wholes:
        if length in LENGTHS:
            return Found(PHONE, digits.ends[length])
    for length in reversed(LENGTHS):
        if length in digits.ends and is_telephone(digits.text[:length], regions, abroad):
            return Found(PHONE, digits.ends[length])
    return None
