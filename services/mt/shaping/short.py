"""Detects hallucinated answers to sentences of a word or two, and offers variants to retry with. Pure."""

from __future__ import annotations

import re

_ENDING = re.compile(r"\s*[.!?]*$")
_MOST_WORDS = 2  # of a sentence that is looked at
_MOST_MORE = 2  # words that its translation may have more


def doubtful(source: str, answer: str) -> bool:
    """Return whether an answer has many more words than its short source."""
    words = len(source.split())
    return words <= _MOST_WORDS and len(answer.split()) > words + _MOST_MORE


def variants(source: str) -> list[str]:
    """Return the same sentence with the other endings."""
    body = _ENDING.sub("", source)
    return [body + ending for ending in ("!", "", "?") if body + ending != source]


def shortest(answers: list[str], ending_of: str) -> str:
    """Return the shortest answer, with the ending of the sentence `ending_of`."""
    best = min(answers, key=lambda answer: len(answer.split()))
    ending = _ENDING.search(ending_of)
    return _ENDING.sub("", best).rstrip(" ,") + (ending.group() if ending else "")
