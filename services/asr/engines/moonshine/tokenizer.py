"""Moonshine's tokens, and the words they spell. Pure.

`tokenizer.bin` lists the tokens in the order of their ids. Each is a length and so many bytes; a length below 128 takes
one byte, a longer one two: the first is its remainder by 128, plus 128, the second its quotient.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.common.neural.bundles import fault

BEGIN, END = 1, 2  # the tokens <s> and </s>
_SPACE = "\u2581".encode()  # begins a token that begins a word
_LONG = 128
_TWICE = re.compile(r"([,;:])\1+")  # marks that the model writes twice where windows were joined


@dataclass(frozen=True, slots=True)
class Spelled:
    """A word, and the range of tokens that spell it: from `first` up to `end`, exclusive."""

    text: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A model's vocabulary: its tokens as bytes, in the order of their ids."""

    pieces: tuple[bytes, ...]

    def words(self, tokens: Sequence[int]) -> list[Spelled]:
        """Return the words that the tokens spell. Tokens that spell nothing belong to no word."""
        found: list[Spelled] = []
        begin, spelled = 0, b""
        for place, token in enumerate(tokens):
            piece = self.pieces[token] if token > END else b""
            if piece.startswith(_SPACE) or piece.startswith(b" "):
                found += _word(spelled, begin, place)
                begin, spelled = place, b""
            spelled += piece.replace(_SPACE, b" ")
        return [*found, *_word(spelled, begin, len(tokens))]


def read(path: Path) -> Tokenizer:
    """Read the tokens of a bundle's `tokenizer.bin`. Raises InvalidArgument when it is not one."""
    try:
        tokenizer = Tokenizer(tuple(parsed(path.read_bytes())))
    except IndexError as error:
        raise fault(path.parent, f"{path.name} ends in the middle of a token.") from error
    if len(tokenizer.pieces) <= END:
        raise fault(path.parent, f"{path.name} has {len(tokenizer.pieces)} tokens, too few to begin and end a text.")
    return tokenizer


def parsed(content: bytes) -> list[bytes]:
    """Return the tokens in the content of a `tokenizer.bin`. Raises IndexError when it ends within a token."""
    pieces, place = [], 0
    while place < len(content):
        length = content[place]
        place += 1
        if length >= _LONG:
            length += content[place] * _LONG - _LONG
            place += 1
        if place + length > len(content):
            raise IndexError(place)
        pieces.append(content[place : place + length])
        place += length
    return pieces


def _word(spelled: bytes, first: int, end: int) -> list[Spelled]:
    text = spelled.decode(errors="ignore").strip()
    text = _TWICE.sub(r"\1", "".join(text.split()))
    return [Spelled(text, first, end)] if text else []
