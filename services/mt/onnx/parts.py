"""Cuts a text into what a model is given at once, each with the concluded translation that it has to continue. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.mt.sentences import sentences

_PAUSE = re.compile(r"([,;:]) ")


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence, or a piece of one that is too long."""

    text: str
    gap: str  # what stands between it and the next
    prefix: str = ""  # what its translation starts with, letter by letter
    concluded: bool = False  # whether that is its whole translation

    @property
    def has_words(self) -> bool:
        """Whether there is something to translate."""
        return any(char.isalnum() for char in self.text)


def parts(text: str, prefix: str, fits: Callable[[str], bool]) -> list[Part]:
    """The parts of a text in order.

    The sentences of the prefix translate the first ones of the text, one each. The last of them may be unfinished, and
    holds all that is left where the prefix has more.
    """
    pieces = [
        Part(piece, " " if number < len(cut) - 1 else sentence.gap)
        for sentence in sentences(text)
        for cut in [list(_cut(sentence.body + sentence.ending, fits))]
        for number, piece in enumerate(cut)
    ]
    concluded = [said.body + said.ending + said.gap for said in sentences(prefix)]
    if len(concluded) > len(pieces) > 0:
        concluded[len(pieces) - 1 :] = ["".join(concluded[len(pieces) - 1 :])]
    last = len(concluded) - 1
    return [
        Part(part.text, part.gap, concluded[number], concluded=number < last) if number <= last else part
        for number, part in enumerate(pieces)
    ]


def _cut(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """A text in halves, and those again, until each fits; at a pause where there is one, else between words."""
    if fits(text) or len(text) < 2:
        yield text
        return
    middle = len(text) // 2
    pauses = [found.end(1) for found in _PAUSE.finditer(text) if middle // 2 < found.end(1) < len(text) - middle // 2]
    spaces = [place for place in (text.rfind(" ", 0, middle), text.find(" ", middle)) if 0 < place < len(text) - 1]
    place = min(pauses or spaces, key=lambda each: abs(each - middle), default=middle)
    yield from _cut(text[:place], fits)
    yield from _cut(text[place:].lstrip(" "), fits)


def put_together(written: list[tuple[str, str]]) -> str:
    """Translations and the gaps behind each as one text; a gap is not doubled."""
    text = ""
    for said, gap in written:
        text += said
        if text and not text[-1].isspace():
            text += gap
    return text
