"""Scans a text once, from left to right, for what is masked. Pure.

What is decided at a place depends on a bounded number of units around it, and never changes: where such a unit is not
known yet, the place waits. So the text before the first place that waits can be shown, whatever follows, and a scan of
the same text when it has grown goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from services.gateway.masking.finding.codes import code
from services.gateway.masking.finding.dates import birth_date
from services.gateway.masking.finding.emails import email
from services.gateway.masking.finding.machines import ip
from services.gateway.masking.finding.numbers import number
from services.gateway.masking.finding.place import CUE_REACH, Found, Place, is_sign
from services.gateway.masking.finding.spelling import letter_of
from services.gateway.masking.kinds import BIRTH_DATE, CARD, EMAIL, IBAN, IP, NATIONAL_ID, OTHER, PHONE, Span
from services.gateway.masking.reading import WORD, Reader
from services.gateway.masking.telephones import regions_of
from services.gateway.masking.words import words_of

_QUALIFIED = 3  # units before a "number" in which a word may say what it is the number of
_WEAK = {"number": PHONE, "identity": NATIONAL_ID}  # words that announce something where nothing before them does
_NUMBERED = (PHONE, CARD, IBAN, NATIONAL_ID)
_MOST_INITIALS = 4  # letters of a word that is spelled
_TITLE_UNITS = 4  # of a sentence that only announces: "Date of birth."
_Finder: TypeAlias = Callable[[Place], Found | None]
_FINDERS: tuple[tuple[Set[str], _Finder], ...] = (
    ({EMAIL}, email),
    ({IP}, ip),
    ({BIRTH_DATE}, birth_date),
    ({IBAN, NATIONAL_ID}, code),
    ({CARD, PHONE, NATIONAL_ID, IBAN}, number),
)
_KEPT_UNITS = 10  # before a place: what is decided there depends on no earlier one, but for what was announced


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for: some kinds, in a language (BCP-47) and telephone numbers also of some more regions."""

    lang: str
    kinds: frozenset[str]
    regions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Since:
    """Where a scan goes on: the unit `at`, counted from the one at code point `offset`, and what was announced."""

    offset: int = 0
    at: int = 0
    cues: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in a text, and the code point up to which that is certain whatever follows."""

    spans: Sequence[Span]
    settled: int
    since: Since


def scan(text: str, asked: Asked, complete: bool, since: Since = Since()) -> Scan:
    """Find personal data in a text; `complete` says that it will not go on. An unfinished text ends behind a whole
    word.
    """
    reader = Reader(text, words_of(asked.lang), complete, since.offset)
    finders = [finder for found, finder in _FINDERS if found & asked.kinds]
    regions = regions_of(asked.lang, tuple(asked.regions))
    at, cues, spans = since.at, dict(since.cues), list[Span]()
    while (unit := reader.unit(at)) is not None:
        reader.past_end = False
        place = Place(reader, at, cues, asked.lang, regions)
        found = next((each for finder in finders if (each := finder(place)) and each.kind in asked.kinds), None)
        known = cues if found else noted(cues, reader, at)
        if (reader.past_end or unit.open_end) and not complete:
            settled = unit.start + 1 if reader.is_comma(at) else unit.start  # whatever is said behind it
            return Scan(spans, settled, _goes_on(reader, at, cues))
        if found is not None:
            last = reader.unit(found.behind - 1)
            assert last is not None
            spans.append(Span(found.kind, unit.start, last.end))
        at, cues = found.behind if found else at + 1, known
    return Scan(spans, len(text), _goes_on(reader, at, cues))


def _goes_on(reader: Reader, at: int, cues: Mapping[str, int]) -> Since:
    first = max(0, at - _KEPT_UNITS)
    unit = reader.unit(first)
    kept = {kind: place - first for kind, place in cues.items() if at - 2 * CUE_REACH <= place < at}
    return Since(unit.start if unit else 0, at - first, kept)


def noted(cues: dict[str, int], reader: Reader, at: int) -> dict[str, int]:
    """Return what is announced behind a unit; the end of a sentence ends most of it."""
    unit = reader.unit(at)
    assert unit is not None
    if kind := _announces(reader, at):
        weak = kind in _WEAK  # "my number" is a telephone's, "the card number" is not
        if not weak or all(at - place > _QUALIFIED for place in cues.values()):
            return {**cues, _WEAK.get(kind, kind): at}
    elif cues and is_sign(unit, ".!?") and not unit.said and _ends_sentence(reader, at):
        asked = unit.text == "?"
        return {kind: place for kind, place in cues.items() if _outlasts(kind, asked, at - place)}
    return cues


def _announces(reader: Reader, at: int) -> str:
    """Return the kind that a word announces, or letters that are spelled ("D.N.I."); empty for none."""
    unit = reader.unit(at)
    if unit is not None and unit.kind == WORD and (kind := reader.words.cues.get(unit.text)):
        return kind
    letters, before = "", at
    while (letter := letter_of(reader, unit)) and len(letters) < _MOST_INITIALS:
        letters = letter.lower() + letters
        if len(letters) > 1 and (kind := reader.words.cues.get(letters)):
            return kind
        before -= 1 + (before > 1 and is_sign(reader.unit(before - 1), ".-"))
        unit = reader.unit(before) if before >= 0 else None
    return ""


def _outlasts(kind: str, asked: bool, distance: int) -> bool:
    """Return whether a sentence may be about what the one before announced: a question or a title, or a number."""
    return distance <= _TITLE_UNITS or (kind != OTHER and (asked or kind in _NUMBERED))


def _ends_sentence(reader: Reader, at: int) -> bool:
    """Return whether a sign ends a sentence, and not an abbreviation ("tel. 612 345 678") or a part of a word."""
    before = reader.unit(at - 1) if at else None
    short = before is not None and before.kind == WORD and before.text in reader.words.cues and len(before.text) < 5
    return not short and not reader.is_glued(at + 1)
