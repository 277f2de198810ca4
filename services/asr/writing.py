"""Writes recognized words as text is written: capitals and closing marks, for engines that give neither. Pure.

What a word becomes depends on itself and on whether it is the first, so concluded text stays as it is while more
words come.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def cased(words: Sequence[str], language: str) -> list[str]:
    """The words in sentence case: the first begins with a capital, and in English "I" and well-known names do."""
    written = [_in_english(word) if _is_english(language) else word for word in words]
    if written:
        written[0] = written[0][:1].upper() + written[0][1:]
    return written


def closed(words: Sequence[str], language: str) -> list[str]:
    """Cased words with a full stop, or a question mark where the first words plainly ask."""
    written = cased(words, language)
    if written and written[-1][-1:].isalnum():
        asks = _is_english(language) and " ".join(words[:2]).lower() in _ASKING
        written[-1] += "?" if asks else "."
    return written


def _is_english(language: str) -> bool:
    return language.lower() == "en" or language.lower().startswith("en-")


def _in_english(word: str) -> str:
    if word == "i" or word.startswith("i'") or word in _NAMES or word.removesuffix("'s") in _NAMES:
        return word[:1].upper() + word[1:]
    return word
