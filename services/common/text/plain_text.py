"""Cleans text for external programs: nothing stays in it but what people write. Pure.

Programs that read text byte by byte take control characters for commands, and now and then die of what Unicode keeps
for inner use: its noncharacters (The Unicode Standard, 23.7), and halves of surrogate pairs.
"""

from __future__ import annotations

import re

_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17))
_NO_TEXT = re.compile(f"[{_NONCHARACTERS}\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")  # not those that part words and lines
_WORD = re.compile(r"\w{1,120}")  # "a-a-a" is three to a program that looks each up, and no word is longer than that
_SEPARATORS = re.compile("[\x0b\x0c\x85\u2028\u2029]")


def plain_text(text: str) -> str:
    """Return the text without noncharacters and surrogates, control characters as spaces, line ends as newlines."""
    return _SEPARATORS.sub("\n", _CONTROLS.sub(" ", _NO_TEXT.sub("", text)))


def in_stretches(text: str, most_words: int) -> list[str]:
    """Split the text into pieces of at most so many words, in order; joined again they are the text."""
    words = list(_WORD.finditer(text))
    starts = [0, *(words[at].start() for at in range(most_words, len(words), most_words))]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
