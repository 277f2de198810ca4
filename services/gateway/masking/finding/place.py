"""A place in a text where something may begin, and what was announced before it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.gateway.masking.kinds import CARD, IBAN, NATIONAL_ID, OTHER, PHONE
from services.gateway.masking.reading import NUMBER, SIGN, WORD, Reader, Unit
from services.gateway.masking.telephones import Regions
from services.gateway.masking.words import Words

CUE_REACH = 14  # units from a word that announces something to it
_OTHER_REACH = 9  # from one that announces what is not masked
_QUALIFIES = 3  # units: so near, a word such as "order" says more than an earlier "phone"
_NUMBERED = (PHONE, CARD, IBAN, NATIONAL_ID, OTHER)


@dataclass(frozen=True, slots=True)
class Found:
    """A kind, and the unit behind it."""

    kind: str
    behind: int


@dataclass(frozen=True, slots=True)
class Place:
    """A unit of a text, from which on something is looked for."""

    reader: Reader
    at: int
    cues: Mapping[str, int]  # the last unit that announced each kind
    lang: str
    regions: Regions  # of telephone numbers

    @property
    def words(self) -> Words:
        """The words of the text's language."""
        return self.reader.words

    @property
    def first(self) -> Unit:
        """The unit that stands here."""
        unit = self.reader.unit(self.at)
        assert unit is not None
        return unit

    def announced(self, kind: str) -> bool:
        """Return whether a word shortly before announces the kind."""
        reach = _OTHER_REACH if kind == OTHER else CUE_REACH
        return self.at - self.cues.get(kind, -CUE_REACH - 1) <= reach

    @property
    def number_announced(self) -> str:
        """The kind of number that was announced last before the place; empty when none was."""
        near = sorted((self.cues[kind], kind) for kind in _NUMBERED if self.announced(kind))
        if len(near) > 1 and near[-1][1] == OTHER and self.at - near[-1][0] > _QUALIFIES:
            near.pop()
        return near[-1][1] if near else ""


def announced_behind(reader: Reader, at: int, kind: str, reach: int) -> bool:
    """Return whether a word behind a place says what stood there: "... is my date of birth"."""
    for behind in range(at, at + reach):
        unit = reader.unit(behind)
        if unit is None or (is_sign(unit, ".!?") and not unit.said):
            return False
        if unit.kind == WORD and reader.words.cues.get(unit.text) == kind:
            return True
    return False


def is_sign(unit: Unit | None, signs: str) -> bool:
    """Return whether a unit is one of some signs, said or written."""
    return unit is not None and unit.kind == SIGN and unit.text in signs


def is_number(unit: Unit | None) -> bool:
    """Return whether a unit is a number that may be a part of a longer one."""
    return unit is not None and unit.kind == NUMBER and not unit.large


def is_apart(reader: Reader, at: int) -> bool:
    """Return whether a sign parts two sentences or numbers: a written dot or stroke with a space behind it."""
    sign = reader.unit(at)
    return is_sign(sign, "./") and sign is not None and not sign.said and not reader.is_glued(at + 1)
