"""Writes a translated sentence the way its source is written: capitals and spaces."""

from __future__ import annotations

import re
from re import Match

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019\-][^\W\d_]+)*")
_SPACES = re.compile(r"[ \t]{2,}")
_SPACE_BEFORE = re.compile(r"(?<=\S) +(?=[,.;:!?…)\]}»”](?:\s|$))")
_SPACE_AFTER = re.compile(r"(?<=[(\[{«“¿¡]) +")
_SPACE_IN_QUOTE = re.compile(r'(^|\s)" +')


def shouted(text: str) -> bool:
    """Return whether a sentence is written in capitals throughout; one word, or two short ones, may be acronyms."""
    words = _WORD.findall(text)
    return len(words) > 1 and text.isupper() and any(len(word) > 2 for word in words)


def spaced(text: str) -> str:
    """Return the text without the stray spaces that Apertium leaves where it dropped or moved a word."""
    text = _SPACE_AFTER.sub("", _SPACE_BEFORE.sub("", _SPACES.sub(" ", text.strip())))
    return _SPACE_IN_QUOTE.sub(r'\1"', text)


def cased(target: str, source: str, begins_capital: bool, capitals_carry_over: bool) -> str:
    """Return the target text with the capitals of its source.

    Names and acronyms that stand in both are written as in the source. Apertium hands the capital of a word that it
    moved or dropped to a neighbour: a capital inside the target stays only when the source has one inside too, or when
    `capitals_carry_over` says that the target's own dictionary gives capitals to common words.
    """
    source_words = _WORD.findall(source)
    first = source_words[0] if source_words else ""
    names: dict[str, str] = {word.lower(): word for word in source_words if len(word) > 1 and not word.islower()}
    if first.istitle():
        names.pop(first.lower(), None)  # its capital may be the sentence's only
    keep = capitals_carry_over or any(not word.islower() and word != "I" for word in source_words[1:])
    words = iter(_WORD.finditer(target))
    begins = next(words, None)

    def recased(match: Match[str]) -> str:
        word = match.group()
        if word.lower() in names:
            return names[word.lower()]
        if begins is not None and match.start() == begins.start():
            return _begun(word, begins_capital)
        return word.lower() if word.istitle() and not keep else word

    return _WORD.sub(recased, target)


def _begun(word: str, capital: bool) -> str:
    if capital:
        return word[0].upper() + word[1:]
    return word[0].lower() + word[1:] if word.istitle() and word != "I" else word
