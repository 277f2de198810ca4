"""Finds what may go on in the next segment: digits, a code or an address at the end of a text that is not whole. Pure.

A segment ends where somebody pauses, also in the middle of a number. It is final then, and cannot wait: so what looks
like the first part of something is hidden with it, and so are digits that go on at the beginning of the next segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from services.gateway.masking.checks import IBAN_LENGTHS, is_card
from services.gateway.masking.finding.digits import MOST_WORDS
from services.gateway.masking.finding.place import Place, is_number, is_sign
from services.gateway.masking.finding.spelling import letter_of
from services.gateway.masking.kinds import CARD, EMAIL, IBAN, IP, NATIONAL_ID, OTHER, PHONE, Span
from services.gateway.masking.reading import LETTER, NUMBER, SIGN, WORD, Reader, Unit
from services.gateway.masking.scanning import Asked, noted
from services.gateway.masking.telephones import is_number as is_telephone
from services.gateway.masking.telephones import regions_of
from services.gateway.masking.words import words_of

CONTEXT = 240  # code points of the segment before, which say what a segment goes on with
_NUMBERED = (PHONE, CARD, NATIONAL_ID, IBAN)
_LEAST_ANNOUNCED = 2  # digits of a number that was announced
_LEAST_SAID, _LEAST_GROUPS = 4, 3  # of one that was not: units that are said, groups that are written
_LEAST_PAIRS = 3  # units of one that is said in pairs
_LEAST_TOLD = 2  # units of one that is said as telephones are: "plus four four", "double six one"
_COUNTRY = 2  # letters of an account's country, and its check digits
_LEAST_SPELLED = 3  # letters of an address
_LEAST_DOTS = 2
_MOST_LOOKED_AT = 2 * CONTEXT  # code points at the end of a text
_MOST_UNITS = 60  # of a run
_CLOSE = 2  # units between "phone" and a single group of figures
_LONGEST_WORD = 4  # letters that are a part of a code, and figures of one's groups
_NAME_SIGNS = ".-_+"
_MOST_OF_DOMAIN = 4  # units


def context_of(text: str) -> str:
    """Return the end of a segment's text, from a whole word on, as it is put before the next segment's."""
    text = " ".join(text.split())
    return (text if len(text) <= CONTEXT else text[-CONTEXT:].partition(" ")[2]) + " " * bool(text)


def unfinished(text: str, asked: Asked, settled: int = 0, found: Sequence[Span] = ()) -> Span | None:
    """Return what stands at the end of a text behind a code point and may be the first part of something.

    `found` is what is whole in the text: what announced that announces no more.
    """
    ended = _Ended(text, asked, settled, frozenset(span.kind for span in found))
    numbers = [span for span in found if span.kind in _NUMBERED]
    rest = ended.rest(max(numbers, key=lambda span: span.end)) if numbers else None
    return ended.address() or ended.machine() or rest or ended.number()


def continued(text: str, start: int, begun: Span | None, asked: Asked, complete: bool) -> tuple[Span | None, int]:
    """Return the digits that a segment begins with, at code point `start` of a text, where the text before ends in the
    middle of a number, which is `begun`; and the code point up to which that is certain.
    """
    if begun is None or begun.kind == EMAIL:
        return None, len(text)
    reader = Reader(text, words_of(asked.lang), complete, start)
    end = start
    for unit in reader.units():
        if not _goes_on(reader, unit, begun.kind):
            return (Span(begun.kind, start, end) if end > start else None), len(text)
        end = unit.end if is_number(unit) or letter_of(reader, unit) else end
    span = Span(begun.kind, start, end) if end > start else None
    return (span, len(text)) if complete else (None, start)


def _goes_on(reader: Reader, unit: Unit, kind: str) -> bool:
    words, text = reader.words, unit.text.lower()
    if is_number(unit) or unit.kind == SIGN or text in words.links or text in words.joiners or text in words.repeats:
        return True
    if kind not in (IBAN, NATIONAL_ID) or (unit.kind == WORD and text in words.fillers):
        return False
    written = unit.kind == WORD and (unit.capitals or kind == IBAN) and len(text) <= _LONGEST_WORD
    return bool(letter_of(reader, unit)) or (written and text not in words.cues)


class _Ended:
    """The units of a text that has ended, of which those behind a code point are looked at."""

    def __init__(self, text: str, asked: Asked, settled: int, whole: frozenset[str]) -> None:
        start = max(0, len(text) - _MOST_LOOKED_AT)
        start = text.find(" ", start) + 1 if start else 0
        self._text = text
        self._reader = Reader(text, words_of(asked.lang), True, start)
        self._asked = asked
        self._settled = settled
        self._whole = whole
        self._cues: list[dict[str, int]] = [{}]  # what is announced at each unit, as far as it was asked for

    @property
    def _units(self) -> Sequence[Unit]:
        return self._reader.units()

    def address(self) -> Span | None:
        """Return an address whose last part is missing: it has an "at" that can be no word."""
        rest = [at for at, unit in enumerate(self._units) if unit.start >= self._settled]
        at = next((at for at in rest[1:] if is_sign(self._units[at], "@")), 0)
        if EMAIL not in self._asked.kinds:
            return None
        if not at:
            return self._name(rest)
        words, sign, before = self._reader.words, self._units[at], self._units[rest[0] : at]
        behind = self._units[at + 1 :]
        tied = any(
            unit.kind == SIGN and unit.text in _NAME_SIGNS
            for unit in [*before, *(each for each in behind if each.said)]
        )
        sure = tied or not sign.said or "at" not in words.signs or len(_letters_at_the_end(before)) >= _LEAST_SPELLED
        part = len(behind) <= _MOST_OF_DOMAIN and not any(self._is_filler(unit) for unit in behind)
        first = next((unit for unit in before if unit.text.lower() not in words.fillers), sign)
        return Span(EMAIL, first.start, self._units[-1].end) if sure and part else None

    def _name(self, rest: Sequence[int]) -> Span | None:
        """Return the first part of an address, whose "at" is still to come: "john underscore", "j o h n"."""
        spelled = _letters_at_the_end([self._units[at] for at in rest])
        if len(spelled) >= _LEAST_SPELLED and self._is_announced(rest[-len(spelled)], EMAIL):
            return Span(EMAIL, spelled[0].start, spelled[-1].end)
        signs = _NAME_SIGNS if rest and self._is_announced(rest[-1], EMAIL) else "_"
        said = [at for at in rest if is_sign(self._units[at], _NAME_SIGNS) and self._units[at].said]
        at = next((at for at in said if self._units[at].text in signs), 0)
        at = at or next((at for at in said if len(self._spelled(rest[0], at)) >= _LEAST_SPELLED), 0)
        if not at or len(self._units) - at > _MOST_OF_DOMAIN:
            return None
        first = max(rest[0], at - max(1, len(self._spelled(rest[0], at))))
        return Span(EMAIL, self._units[first].start, self._units[-1].end)

    def _spelled(self, first: int, end: int) -> Sequence[Unit]:
        return _letters_at_the_end(self._units[first:end])

    def _is_filler(self, unit: Unit) -> bool:
        text, words = unit.text.lower(), self._reader.words
        return text in words.fillers and text not in words.cues

    def machine(self) -> Span | None:
        """Return the first parts of an address of a machine: "ten dot zero dot"."""
        at = first = len(self._units)
        while at > 0 and self._units[at - 1].start >= self._settled:
            unit = self._units[at - 1]
            if not (is_number(unit) or is_sign(unit, ".")):
                break
            at, first = at - 1, at - 1 if is_number(unit) else first
        dots = sum(unit.kind == SIGN and unit.said for unit in self._units[first:])
        least = 1 if self._is_announced(first, IP) else _LEAST_DOTS
        return (
            Span(IP, self._units[first].start, self._units[-1].end)
            if IP in self._asked.kinds and dots >= least
            else None
        )

    def rest(self, whole: Span) -> Span | None:
        """Return a dictated number that is whole by itself, with what is said right behind it or behind an aside."""
        units, words = [unit for unit in self._units if unit.start >= whole.end], self._reader.words
        inside = [unit for unit in self._units if whole.start <= unit.start < whole.end and is_number(unit)]
        if len(inside) < _LEAST_SAID or not all(unit.said for unit in inside):
            return None
        at = len(units)
        while (
            at and _goes_on(self._reader, units[at - 1], PHONE) and (units[at - 1].said or units[at - 1].kind != NUMBER)
        ):
            at -= 1
        aside, tail = units[:at], units[at:]
        paused = bool(aside) or any(unit.kind == SIGN for unit in tail[:1])
        tells = any(is_number(unit) or unit.text.lower() in words.repeats for unit in tail)
        if not tells or (aside and aside[0].kind != SIGN) or sum(unit.kind != SIGN for unit in aside) > MOST_WORDS:
            return None
        digits = "".join(unit.text for unit in inside)
        if paused and (is_card(digits) or is_telephone(digits, self._place(0).regions.near)):
            return None
        return Span(whole.kind, whole.start, next(unit for unit in reversed(tail) if unit.kind != SIGN).end)

    def number(self) -> Span | None:
        """Return a number or a code whose last part may be missing."""
        if not self._asked.kinds & {*_NUMBERED}:
            return None
        for kind in (IBAN, PHONE):  # with letters, where such a code was announced, else without
            first = self._first(kind)
            announced = self._announced(first) if first < len(self._units) else ""
            account = self._account(first) if kind == IBAN and not announced else None
            if account is not None:
                return Span(_kind(IBAN, self._asked), self._units[account].start, self._units[-1].end)
            if (kind == PHONE or announced in (IBAN, NATIONAL_ID)) and self._is_part(first, announced):
                last = next(unit for unit in reversed(self._units) if unit.kind != SIGN)
                return Span(_kind(announced, self._asked), self._units[first].start, last.end)
        return None

    def _first(self, kind: str) -> int:
        """Return the first unit of the run that reaches the end of the text."""
        units, reader, at = self._units, self._reader, len(self._units)
        while at > max(0, len(units) - _MOST_UNITS) and units[at - 1].start >= self._settled:
            if not _goes_on(reader, units[at - 1], kind):
                break
            at -= 1
        while at < len(units) and not (is_number(units[at]) or (kind == IBAN and letter_of(reader, units[at]))):
            at += 1
        return at

    def _account(self, first: int) -> int | None:
        """Return where a run begins as an IBAN is said: by a country, and its check digits; None where it does not."""
        letters, at = "", first
        while at < len(self._units) and len(letters) < _COUNTRY and (each := letter_of(self._reader, self._units[at])):
            letters, at = letters + each, at + 1
        spelled = bool(letters)
        if (
            not spelled
            and first
            and self._units[first - 1].kind == WORD
            and not self._is_filler(self._units[first - 1])
        ):
            letters, first = self._units[first - 1].text.upper(), first - 1
        numbers = takewhile(is_number, self._units[at:])
        digits = sum(len(unit.text) for unit in numbers if unit.said)
        least = _COUNTRY if spelled else _LONGEST_WORD
        return first if letters in IBAN_LENGTHS and digits >= least else None

    def _place(self, first: int) -> Place:
        while len(self._cues) <= first:
            self._cues.append(noted(self._cues[-1], self._reader, len(self._cues) - 1))
        regions = regions_of(self._asked.lang, tuple(self._asked.regions))
        return Place(self._reader, first, self._cues[first], self._asked.lang, regions)

    def _announced(self, first: int) -> str:
        announced = self._place(first).number_announced
        return "" if announced in self._whole else announced

    def _is_announced(self, first: int, kind: str) -> bool:
        return kind not in self._whole and self._place(first).announced(kind)

    def _is_part(self, first: int, announced: str) -> bool:
        run = self._units[first:]
        numbers = [unit for unit in run if is_number(unit)]
        digits = sum(len(unit.text) for unit in numbers)
        begun = first > 1 and is_number(self._units[first - 2])
        around = self._units[first - 1 :] if begun else run  # the minutes of a time: "10:30"
        if not numbers or announced == OTHER or any(is_sign(unit, ":%") and unit.glued for unit in around):
            return False
        if announced:
            told = announced != PHONE or len(numbers) > 1 or self._is_told(first)
            return digits >= _LEAST_ANNOUNCED and told
        if all(unit.said for unit in numbers):
            if len(numbers) >= _LEAST_TOLD and self._is_abroad(first):
                return True
            if digits >= _LEAST_SAID and any(map(self._is_repeated, numbers)):
                return True
            return len(numbers) >= _LEAST_SAID or (len(numbers) >= _LEAST_PAIRS and digits >= 2 * _LEAST_PAIRS)
        fours = len(numbers) > 1 and all(len(unit.text) == _LONGEST_WORD for unit in numbers)
        return all(is_number(unit) or unit.kind == SIGN for unit in run) and (len(numbers) >= _LEAST_GROUPS or fours)

    def _is_abroad(self, first: int) -> bool:
        """Return whether a "plus" is said before a number, and no other number before that."""
        before = self._units[max(0, first - 2) : first]
        return bool(before) and is_sign(before[-1], "+") and not is_number(before[0])

    def _is_repeated(self, number: Unit) -> bool:
        """Return whether a number is said as "double one" is: nobody counts so."""
        return self._text[number.start : number.end].partition(" ")[0].lower() in self._reader.words.repeats

    def _is_told(self, first: int) -> bool:
        """Return whether a number is right behind the word that announces it, or behind "is": no time or year."""
        before, words = self._units[max(0, first - _CLOSE) : first], self._reader.words
        return any(
            unit.text in words.cues or unit.text.lower() in words.equating or is_sign(unit, ":,") for unit in before
        )


def _letters_at_the_end(units: Sequence[Unit]) -> Sequence[Unit]:
    """Return the units at the end that are letters by themselves."""
    at = len(units)
    while at and (
        units[at - 1].kind == LETTER or (units[at - 1].end - units[at - 1].start == 1 and units[at - 1].said)
    ):
        at -= 1
    return units[at:]


def _kind(announced: str, asked: Asked) -> str:
    return announced if announced in asked.kinds else next(kind for kind in _NUMBERED if kind in asked.kinds)
