"""Finds the words of a clause that have a pronunciation of their own. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from services.common.text.terminology import Term, composed, occurrences
from services.tts.engine import Clause, Pronunciation


def parts(clause: Clause) -> Iterator[str | Pronunciation]:
    """Yield a clause's parts in order: plain text, and the pronunciations that replace some of it, longest first."""
    text, end = composed(clause.text), 0
    known = {Term(composed(each.text)): each for each in clause.pronunciations}
    for found in occurrences(text, tuple(known), plurals=False):
        yield text[end : found.start]
        yield known[found.term]
        end = found.end
    yield text[end:]
