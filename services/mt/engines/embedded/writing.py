"""Prepares a sentence for Apertium, and turns the answer into prose."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import langcodes

from services.mt.casing import cased, shouted, spaced
from services.mt.engine import Pair
from services.mt.engines.embedded.cognates import guessed
from services.mt.engines.embedded.english import written_out
from services.mt.engines.embedded.marks import count_unknown, escaped, unescaped, unknown_words, unmarked
from services.mt.sentences import Sentence

_STOP = re.compile(r"\s*[.?!]\s*$")
_WORD = re.compile(r"\w+")
_SPANISH_OPENING = {"?": "¿", "!": "¡"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence on its way through Apertium: `source` is sent, `answer` came back, still escaped and marked."""

    sentence: Sentence
    pair: Pair
    source: str
    names: frozenset[str] = frozenset()  # lower-case words of the sentence that `source` writes as names
    answer: str = ""
    standins: frozenset[str] = frozenset()  # lower-case words that stand for terms: no dictionary is to know them

    @classmethod
    def of(cls, sentence: Sentence, pair: Pair, standins: frozenset[str] = frozenset()) -> Self:
        """Return the first draft of a sentence, with its words as Apertium reads them best."""
        source = sentence.body.lower() if shouted(sentence.body) else sentence.body
        if langcodes.get(pair.source).language == "en":
            source = written_out(source)
        return cls(sentence, pair, source, standins=standins)

    @property
    def has_words(self) -> bool:
        """Whether the draft has any letters to translate."""
        return any(char.isalpha() for char in self.source)

    @property
    def question(self) -> str:
        """The text to send to Apertium: always with a full stop, without which its tagger guesses badly.

        The stop stands apart, or "No." would be read as the abbreviation of "number".
        """
        return f"{escaped(self.source)} {self._stop}"

    @property
    def unknown_count(self) -> int:
        """Number of words that Apertium did not know, stand-ins for terms left out."""
        return count_unknown(self.answer) - sum(word.lower() in self.standins for word in unknown_words(self.answer))

    @property
    def may_hold_names(self) -> bool:
        """Whether an unknown word in small letters might be known with a capital, like "monday" or "london"."""
        return not self.names and bool(self._unknown_lower())

    def answered(self, answer: str) -> Self:
        """Return the draft with Apertium's answer to it."""
        return replace(self, answer=answer)

    def with_names(self) -> Self:
        """Return the draft to send again, with capitals on its unknown words."""
        names = self._unknown_lower()
        return replace(self, source=_rewritten(self.source, names, str.capitalize), names=names, answer="")

    @property
    def text(self) -> str:
        """The translation, with the capitals, spaces and ending of the sentence."""
        if not self.has_words:
            return self.sentence.body + self.sentence.ending
        in_vain = self.names & {word.lower() for word in unknown_words(self.answer)}
        source = _rewritten(self.source, in_vain, str.lower)
        answer = guessed(_STOP.sub("", self.answer), self.pair, self.standins)
        target = spaced(unescaped(unmarked(answer)))
        target = _rewritten(target, in_vain, str.lower)
        english = langcodes.get(self.pair.target).language == "en"
        target = cased(target, source, self._begins_capital(source), capitals_carry_over=english)
        if shouted(self.sentence.body):
            target = target.upper()
        return self._opening(target) + target + self.sentence.ending

    @property
    def _stop(self) -> str:
        return next((sign for sign in "?!" if sign in self.sentence.ending), ".")

    def _begins_capital(self, source: str) -> bool:
        body, asked = _WORD.search(self.sentence.body), _WORD.search(source)
        if body is None or asked is None:
            return False
        return body.group()[0].isupper() or (asked.group().lower() in self.names and asked.group()[0].isupper())

    def _opening(self, target: str) -> str:
        opening = _SPANISH_OPENING.get(self._stop, "") if langcodes.get(self.pair.target).language == "es" else ""
        return "" if opening in target else opening

    def _unknown_lower(self) -> frozenset[str]:
        unknown = frozenset(word for word in unknown_words(self.answer) if word.islower() and len(word) > 1)
        return unknown - self.standins


def _rewritten(text: str, words: frozenset[str], rewrite: Callable[[str], str]) -> str:
    return _WORD.sub(lambda word: rewrite(word.group()) if word.group().lower() in words else word.group(), text)
