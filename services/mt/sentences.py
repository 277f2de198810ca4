"""Cuts a text into sentences, each with the punctuation that ends it and the space behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BREAK = re.compile(r"(?<=[.!?…])([\"'”\u2019)\]]*\s+)|(\s*\n\s*)")
_ENDING = re.compile(r"[.!?…]+[\"'”\u2019)\]]*$")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Sra|Dra|Jr|vs|etc|e\.g|i\.e|\w))\.$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence such that `body + ending + gap` is the text it was cut from."""

    body: str
    ending: str  # "." or "?!" or ""; closing quotes with it
    gap: str  # the white space behind it


def sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences of a text, in order; joined again they are the text."""
    start = 0
    for found in _BREAK.finditer(text):
        end = found.end()
        piece = text[start:end]
        if "\n" not in found.group() and _ABBREVIATION.search(piece.rstrip()):
            continue
        yield _sentence(piece)
        start = end
    if start < len(text):
        yield _sentence(text[start:])


def _sentence(piece: str) -> Sentence:
    words = piece.rstrip()
    found = None if _ABBREVIATION.search(words) else _ENDING.search(words)
    body = words[: found.start()] if found else words
    return Sentence(body, words[len(body) :], piece[len(words) :])
