"""Sentences that a pause parts into two segments, at each space of each entity, and how much of it is shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.masks.judging import Entity, Sentence
from services.gateway.masking.kinds import CARD, EMAIL, IBAN, NATIONAL_ID, PHONE
from services.gateway.masking.masker import Masker, Seeker
from services.gateway.values.speech import Transcript
from services.gateway.values.terms import Masks

KINDS = (CARD, PHONE, IBAN, NATIONAL_ID, EMAIL)
LET_THROUGH = 3  # words of what nothing announced, before somebody pauses


@dataclass(frozen=True, slots=True)
class Split:
    """The two segments of a sentence that is parted in an entity, and the halves of that."""

    segments: Sequence[str]
    halves: Sequence[str]


def splits(sentence: Sentence) -> Iterator[Split]:
    """Yield the splits at each space of each entity that is dictated."""
    for entity in sentence.entities:
        if entity.kind in KINDS:
            yield from _splits(sentence.text, entity)


def _splits(text: str, entity: Entity) -> Iterator[Split]:
    for space in re.finditer(" ", text[entity.start : entity.end]):
        at = entity.start + space.start()
        yield Split((text[:at], text[at + 1 :]), (text[entity.start : at], text[at + 1 : entity.end]))


def shown(split: Split, lang: str, masks: Masks, seeker: Seeker) -> int:
    """Return how many words of the entity its two segments show."""
    masker, words = Masker(masks, lang, seeker), 0
    for number, (text, half) in enumerate(zip(split.segments, split.halves, strict=True), 1):
        left = masker.masked(Transcript(number, 1, True, text, len(text))).text
        words += (_words(half) & _words(left)).total()
    return words


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))
