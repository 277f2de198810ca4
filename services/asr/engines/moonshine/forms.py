"""Keeps the capitals and marks of recognized words when a window grows or is cut. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services.asr.engine import Word
from services.asr.stable_prefix import key


def kept(before: Sequence[Word], words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words, written as they were before as far as they are the same; the last one before may change."""
    same = 0
    while same < min(len(before) - 1, len(words)) and key(before[same].text) == key(words[same].text):
        same += 1
    forms = [replace(word, text=old.text) for word, old in zip(words[:same], before, strict=False)]
    return (*forms, *words[same:])
