"""Writes recognized words as text is written: capitals and closing marks, for engines that give neither. Pure.

What a word becomes depends on itself and on what was said before it; only a mark behind it may be added when the next
one comes. So concluded text stays as it is while more words come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.asr.engine import Word
from services.common.audio.pcm import ASR_RATE

COMMA_SAMPLES = 200 * ASR_RATE // 1000
SENTENCE_SAMPLES = 300 * ASR_RATE // 1000

_ENDS = (".", "?", "!")
_SHORT = "a.m. approx. dr. e.g. etc. i.e. inc. jr. ltd. mr. mrs. ms. no. p.m. prof. sr. st. vs."
_ABBREVIATED = frozenset(_SHORT.split())

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("january", "february", "april", "june", "july", "august", "september", "october", "november", "december")
_OTHERS = ("english", "spanish", "french", "german", "american", "british", "america", "europe", "england", "internet")
_NAMES = frozenset((*_DAYS, *_MONTHS, *_OTHERS))

_ASKING = frozenset(
    f"{first} {second}"
    for firsts, seconds in (
        ("are is was were do does did have has can could would will should", "i you we they he she it there this that"),
        ("what who where when why how", "is are was were do does did can could would will should"),
        ("how", "many much long far often"),
    )
    for first in firsts.split()
    for second in seconds.split()
)


@dataclass(frozen=True, slots=True)
class Place:
    """The context of some words: their language, and whether the utterance goes on before and ends after them."""

    language: str
    goes_on: bool = False  # a sentence before the first word does not end there
    ends: bool = False  # the last word ends a sentence


def written(words: Sequence[Word], place: Place) -> list[str]:
    """Return the words in sentence case, with a mark where the speaker paused.

    A long pause ends a sentence: with a full stop, or a question mark where its first words plainly ask. A shorter one
    is a comma. In English "I" and well-known names begin with a capital.
    """
    english = _is_english(place.language)
    texts = [_in_english(word.text) if english else word.text for word in words]
    begins = None if place.goes_on else 0  # where the sentence begins, if that is in sight
    for number in range(len(words)):
        if number == begins:
            texts[number] = texts[number][:1].upper() + texts[number][1:]
        mark = _mark(words, number, place.ends)
        if mark == "." and english and begins is not None and _asks(words[begins:]):
            mark = "?"
        if mark and texts[number][-1:].isalnum():
            texts[number] += mark
        if mark in (".", "?"):
            begins = number + 1
    return texts


def begun(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return words of an engine that writes marks itself, with a capital behind each mark that ends a sentence.

    A mark may have been concluded where the engine then saw the sentence go on, and wrote the next word small.
    """
    texts = [word.text for word in words]
    for number in range(1, len(texts)):
        before = texts[number - 1]
        letter = len(before) == 2  # "P."
        if before.endswith(_ENDS) and not letter and before.casefold() not in _ABBREVIATED:
            texts[number] = texts[number][:1].upper() + texts[number][1:]
    return tuple(replace(word, text=text) for word, text in zip(words, texts, strict=True))


def _mark(words: Sequence[Word], number: int, ends: bool) -> str:
    if number == len(words) - 1:
        return "." if ends else ""
    pause_samples = words[number + 1].start_samples - words[number].end_samples
    if pause_samples >= SENTENCE_SAMPLES:
        return "."
    return "," if pause_samples >= COMMA_SAMPLES else ""


def _asks(words: Sequence[Word]) -> bool:
    return " ".join(word.text for word in words[:2]).lower() in _ASKING


def _is_english(language: str) -> bool:
    return language.lower() == "en" or language.lower().startswith("en-")


def _in_english(word: str) -> str:
    if word == "i" or word.startswith("i'") or word in _NAMES or word.removesuffix("'s") in _NAMES:
        return word[:1].upper() + word[1:]
    return word
