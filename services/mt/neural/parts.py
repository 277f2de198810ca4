"""Cuts a text into what a model is given at once, each with the concluded translation that it has to continue. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from unicodedata import east_asian_width

from services.mt.sentences import Sentence, sentences

_PAUSE = re.compile(r"([,;:]) ")
_LEAST, _MOST = 0.8, 1.25  # of a sentence's length, what its translation has: less and more are told apart
_CHANCE = 8  # letters that a translation is shorter or longer by beside that
_WIDE = 2  # letters that one of a script without an alphabet stands for


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence, or a piece of one that is too long, with the concluded translation to continue."""

    text: str
    gap: str  # what stands between it and the next
    prefix: str = ""  # what its translation starts with, letter by letter
    concluded: bool = False  # whether that is its whole translation

    @property
    def has_words(self) -> bool:
        """Whether the part has letters or digits to translate."""
        return any(char.isalnum() for char in self.text)


def parts(text: str, prefix: str, fits: Callable[[str], bool]) -> list[Part]:
    """Return the parts of a text in order, each short enough for the model.

    The sentences of the prefix translate the first ones of the text, one each, and the last of them may be unfinished.
    A sentence of the prefix may have been concluded before the text had its full stops, and hold more than one: from
    where that cannot be ruled out, sentences stay together, with all that is left of the prefix. Where it is not to be
    told which, or they are too much for one part, there is no prefix, and the translation need not begin with it.
    """
    pieces = [
        Part(piece, " " if number < len(cut) - 1 else sentence.gap)
        for sentence in sentences(text)
        for cut in [list(_cut(sentence.body + sentence.ending, fits))]
        for number, piece in enumerate(cut)
    ]
    said = list(sentences(prefix))
    certain = 0
    while certain < min(len(said), len(pieces)) - 1 and not _may_span(said[certain], pieces[certain], last=False):
        certain += 1
    written = [each.body + each.ending + each.gap for each in said]
    done = [replace(pieces[at], prefix=written[at], concluded=True) for at in range(certain)]
    rest, left = "".join(written[certain:]), pieces[certain:]
    if not rest or not left:
        return [*done, *left]
    count = 1
    if certain < len(said) - 1 or _may_span(said[-1], left[0], last=True):
        count = _spanned(rest, left)
    together = _together(left[:count])
    if not count or (count > 1 and not fits(together.text)):
        return [*done, *left]
    return [*done, replace(together, prefix=rest), *left[count:]]


def _may_span(said: Sentence, part: Part, last: bool) -> bool:
    """Return whether a prefix's sentence may translate more than one part; an unended one may where it is as long."""
    if last and not said.ending:
        return _size(said.body) >= _least(part.text)
    return _size(said.body) > _MOST * _size(part.text) + _CHANCE


def _spanned(prefix: str, left: Sequence[Part]) -> int:
    """Return how many parts hold all that a prefix may translate; 0 where that cannot be decided.

    A short part behind a long prefix is not taken in by chance: a model would take it for translated.
    """
    size = _size(prefix)
    for count in range(1, len(left)):
        before = _together(left[:count]).text
        if size < _least(before):
            return count
        if size <= _MOST * _size(before) and _size(left[count].text) < _size(before) / 2:
            return 0
    return len(left)


def _together(some: Sequence[Part]) -> Part:
    """Join parts into one."""
    *before, last = some or [Part("", "")]
    return Part("".join(part.text + (part.gap or " ") for part in before) + last.text, last.gap)


def _least(text: str) -> float:
    """Return the least length to expect of a sentence's translation."""
    size = _size(text)
    return _LEAST * size - min(_CHANCE, size / 4)


def _size(text: str) -> int:
    """Return the size of a text in alphabetic letters; a wide East Asian character counts as several."""
    return sum(_WIDE if east_asian_width(char) in "WF" else 1 for char in text.strip())


def _cut(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """Yield a text in halves, recursively, until each fits: cut at a pause where there is one, else between words."""
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
    """Join translations with the gaps behind them; a gap is not doubled."""
    text = ""
    for said, gap in written:
        text += said
        if text and not text[-1].isspace():
            text += gap
    return text
