"""Writes a clause with its pronunciations as SSML, or as text with a dictionary. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from services.common.text import ipa
from services.common.text.plain_text import plain_text
from services.common.text.terminology import Term, composed, occurrences
from services.tts.engine import Clause, Pronunciation

_TAGS = dict.fromkeys(map(ord, "<>"), " ")
_ENTRY = "  "  # between a word and its phonemes


def plain(text: str) -> str:
    """Return the text on one line, with nothing in it that could be read as SSML."""
    return " ".join(plain_text(text).translate(_TAGS).split())


def ssml(clause: Clause, phonemes: bool, rate: bool) -> str:
    """Return the clause as SSML, with its pronunciations, its speaking rate, or both."""
    pieces = []
    for text, said in _parts(clause):
        words = escape(" ".join(re.split(r"\s", plain_text(text))))
        if said is not None and phonemes:
            words = f'<phoneme alphabet="ipa" ph={quoteattr(ipa.plain(said.ipa))}>{words}</phoneme>'
        pieces.append(words)
    inside = "".join(pieces)
    if rate and clause.speaking_rate != 1.0:
        inside = f'<prosody rate="{round(100 * clause.speaking_rate)}%">{inside}</prosody>'
    return f"<speak>{inside}</speak>"


def with_dictionary(clause: Clause) -> tuple[str, str]:
    """Return the clause, and its pronunciations as a list of `word phonemes`, separated by commas.

    There are entries for single words only. Several words are entered one by one where their pronunciation has as many;
    else they become one word, which nobody reads.
    """
    pieces, entries = [], dict[str, str]()
    for text, said in _parts(clause):
        piece = plain(text) if said is not None else plain_text(text).translate(_TAGS)
        if said is not None:
            words, sounds = piece.split(), ipa.plain(said.ipa).split()
            if len(words) != len(sounds) or not all(word.isalnum() for word in words):
                words, sounds = ["".join(filter(str.isalnum, piece))], ["".join(sounds)]
                piece = words[0]
            entries |= dict(zip(words, sounds, strict=True))
        pieces.append(piece)
    return plain("".join(pieces)), ",".join(f"{word}{_ENTRY}{sounds}" for word, sounds in entries.items())


def _parts(clause: Clause) -> Iterator[tuple[str, Pronunciation | None]]:
    """Yield the clause's parts in order: the text, and its pronunciation where there is one."""
    text, end = composed(clause.text), 0
    known = {Term(composed(each.text)): each for each in clause.pronunciations}
    for found in occurrences(text, tuple(known), plurals=False):
        yield text[end : found.start], None
        yield text[found.start : found.end], known[found.term]
        end = found.end
    yield text[end:], None
