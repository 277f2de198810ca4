"""Cuts concluded text into clauses to speak. Pure."""

from __future__ import annotations

import re

# After closing punctuation there is a pause anyway; at a comma there may be one.
_SENTENCE_END = re.compile(r"[.!?…]+[\"'»)]*\s+")
_CLAUSE_END = re.compile(r"[,;:—]\s+")
_WORD = re.compile(r"\S+")

FIRST_WORDS = 3  # the first clause of a segment is short: it decides when the listener hears something
LATER_WORDS = 8  # later ones are longer: a voice needs some words to sound like one


class Clauses:
    """The cutter of one segment. Text goes in as it is concluded, clauses come out; together they are the text."""

    def __init__(self) -> None:
        self._waiting = ""
        self._wanted_words = FIRST_WORDS

    def add(self, text: str) -> list[str]:
        """Takes in concluded text; gives the clauses that can be spoken now."""
        self._waiting += text
        clauses = []
        while (end := self._cut()) > 0:
            clauses.append(self._waiting[:end].strip())
            self._waiting = self._waiting[end:]
            self._wanted_words = LATER_WORDS
        return clauses

    def finish(self) -> list[str]:
        """Gives what is left: the segment is final."""
        rest, self._waiting = self._waiting.strip(), ""
        return [rest] if rest else []

    def _cut(self) -> int:
        """Where the next clause ends: at punctuation, else after enough words; 0 when it is too short yet.

        The last word is not taken while it may still grow: concluded text ends at a word, punctuation may follow.
        """
        for pattern, least in ((_SENTENCE_END, 1), (_CLAUSE_END, self._wanted_words)):
            for match in pattern.finditer(self._waiting):
                if len(self._waiting[: match.end()].split()) >= least:
                    return match.end()
        words = list(_WORD.finditer(self._waiting))
        return words[self._wanted_words].start() if len(words) > self._wanted_words else 0
