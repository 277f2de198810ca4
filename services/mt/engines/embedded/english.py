"""Normalizes English as a recognizer or a hurried typist writes it for Apertium's dictionaries."""

from __future__ import annotations

import re
from re import Match

_NOT = {"can't": "cannot", "won't": "will not", "shan't": "shall not", "ain't": "is not"}
_ENDINGS = {"n't": " not", "'m": " am", "'re": " are", "'ve": " have", "'ll": " will"}
_CONTRACTED = re.compile(r"\b(?:can't|won't|shan't|ain't|\w+(?:n't|'m|'re|'ve|'ll))\b", re.IGNORECASE)
_FIRST_PERSON = re.compile(r"\bi\b(?!\.\w)")  # not the "i" of "i.e."


def written_out(text: str) -> str:
    """Return the text without contractions and with a capital I; ambiguous ones such as "John's" and "I'd" stay."""
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return _FIRST_PERSON.sub("I", _CONTRACTED.sub(_expanded, text))


def _expanded(match: Match[str]) -> str:
    word = match.group()
    whole = _NOT.get(word.lower())
    if whole:
        return whole.capitalize() if word[0].isupper() else whole
    ending = next(ending for ending in _ENDINGS if word.lower().endswith(ending))
    return word[: -len(ending)] + _ENDINGS[ending]
