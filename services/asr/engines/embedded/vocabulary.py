"""The words that the pocketsphinx engine can recognize: those of its dictionary, less the obscene ones.

A small recognizer guesses, and a wrong guess that offends is captioned and spoken. Without such words it guesses the
next likely one instead. They are kept in ROT13, so that nobody has to read them: `obscene.rot13`, one a line, whole
words only. Words that mean something harmless as well are not among them.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

LIST = Path(__file__).with_name("obscene.rot13")


@cache
def obscene() -> frozenset[str]:
    """Return the obscene words that are left out of the vocabulary, in lower case."""
    return frozenset(codecs.decode(LIST.read_text(encoding="ascii"), "rot13").split())


def decent(dictionary: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a pronouncing dictionary (`word sounds`, `word(2) sounds`) except those of obscene words."""
    return (line for line in dictionary if line.partition(" ")[0].partition("(")[0].casefold() not in obscene())
