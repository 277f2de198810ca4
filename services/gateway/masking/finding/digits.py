"""Collects the digits of a number that is said or written in groups, and where it may end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway.masking.finding.place import Place, is_apart, is_number, is_sign
from services.gateway.masking.reading import NUMBER, SIGN, WORD, Reader, Unit

MOST_DIGITS = 20  # that are looked at from one place on
_PARTS = "-./()\N{EN DASH}\N{NON-BREAKING HYPHEN}\N{MIDDLE DOT}_"  # signs within a number
_PAUSES = ",;:./|*\N{HORIZONTAL ELLIPSIS}\N{EM DASH}"  # between groups of one that is dictated
_MOST_BETWEEN = 6  # units between two groups
MOST_WORDS = 4  # words of somebody who interrupts himself between two groups: ", hang on,"
_GROUP = 4  # digits of groups that may be apart though nothing announced them
_LEAST_SAID = 4  # units of a number that nothing announced


@dataclass(frozen=True, slots=True)
class Digits:
    """Digits from a place on, and where they may end."""

    text: str
    ends: dict[int, int]  # by count of digits, the unit behind them
    wholes: tuple[int, ...]  # counts at which they may be complete: at pauses, at figures behind words, at the end
    groups: tuple[int, ...]  # counts behind which a sign stands
    signs: frozenset[str]  # that part the groups
    abroad: bool = False  # whether a plus sign is before them
    bracketed: bool = False
    said: int = 0  # how many units are said

    @property
    def whole(self) -> bool:
        """Whether all of them are here, and not only what is looked at."""
        return len(self.text) in self.wholes

    @property
    def behind(self) -> int:
        """The unit behind all of them."""
        return self.ends[len(self.text)]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many digits each group has."""
        counts = [*self.ends]
        return tuple(count - before for before, count in zip([0, *counts], counts, strict=False))

    @property
    def dictated(self) -> bool:
        """Whether they are said one by one or in pairs, as numbers are that name something, and no amount."""
        return self.said >= _LEAST_SAID and self.said == len(self.ends)


def digits_at(place: Place) -> Digits | None:
    """Return the digits that begin at a place; None where none do."""
    reader, at, text = place.reader, place.at, ""
    ends, wholes, groups, signs = dict[int, int](), list[int](), list[int](), set[str]()
    if abroad := is_sign(place.first, "+"):
        at += 1
    if bracketed := is_sign(reader.unit(at), "("):
        at += 1
    said, announced = 0, place.number_announced
    while (unit := _part(reader, at, announced)) is not None and len(text) < MOST_DIGITS:
        text, at, said = text + unit.text, at + 1, said + unit.said
        ends[len(text)] = at
        following, pause = _next_part(reader, at, unit, announced, len(ends) >= _LEAST_SAID)
        if following > at and not pause:
            groups.append(len(text))
            signs |= {sign.text for each in range(at, following) if (sign := reader.unit(each))}
        after = reader.unit(following)
        if pause or (is_number(after) and after is not None and after.said != unit.said):
            wholes.append(len(text))
        at = following
    if not text:
        return None
    if len(text) < MOST_DIGITS and len(text) not in wholes:
        wholes.append(len(text))
    return Digits(text, ends, tuple(wholes), tuple(groups), frozenset(signs), abroad, bracketed, said)


def _part(reader: Reader, at: int, announced: str) -> Unit | None:
    """Return the number at a unit, where it may be a group: one of thousands only where such a number was announced."""
    unit = reader.unit(at)
    if is_number(unit):
        return unit
    thousands = unit is not None and unit.kind == NUMBER and unit.said and len(unit.text) == 4
    return unit if thousands and announced else None


def _next_part(reader: Reader, at: int, before: Unit, announced: str, dictated: bool) -> tuple[int, bool]:
    """Return the unit at which digits go on, and whether a pause is before it; the same unit where they do not."""
    pause, words = False, 0
    for behind in range(at, at + _MOST_BETWEEN):
        unit = reader.unit(behind)
        if unit is None:
            return at, False
        aside = words and not _part(reader, behind + 1, announced)  # "just one moment"
        if _part(reader, behind, announced) and not aside:
            alike = before.said and unit.said if before.said else len(before.text) == len(unit.text) == _GROUP
            goes_on = not pause or (alike if words else bool(announced) or alike)
            return (behind, pause) if goes_on else (at, False)
        if unit.kind == WORD and unit.text in reader.words.links:
            pause = True
        elif unit.kind != SIGN and pause and dictated and before.said and words < MOST_WORDS:
            words += 1
        elif unit.kind != SIGN or _is_stop(unit):
            return at, False
        elif unit.text not in _PARTS or is_apart(reader, behind):
            if unit.text not in _PAUSES or unit.glued == reader.is_glued(behind + 1) is True:
                return at, False
            pause = True
    return at, False


def _is_stop(sign: Unit) -> bool:
    return sign.said and sign.text in ".+"


def goes_on(place: Place) -> bool:
    """Return whether the place is within digits that begin earlier."""
    before = place.reader.unit(place.at - 1) if place.at else None
    if before is not None and before.kind == SIGN and before.text in "-.+(" and place.at > 1 and place.first.glued:
        before = place.reader.unit(place.at - 2)
    return is_number(before)


def pieces(sizes: Sequence[int]) -> str:
    """Return the sizes of groups as a text, such as "3 3 4"."""
    return " ".join(map(str, sizes))
