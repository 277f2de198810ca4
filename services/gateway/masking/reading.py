"""Reads a text as units: numbers, letters, signs and words, said or written. Pure.

Whoever reads a unit behind the last one is told that there is none, and that this is noted (`Reader.past_end`): what
was decided before may be decided otherwise once the text goes on.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace

from services.common.text.term_trie import folded
from services.gateway.masking.words import Words

_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_APOSTROPHES = ("'", "\N{RIGHT SINGLE QUOTATION MARK}")
NUMBER, LETTER, WORD, SIGN = "number", "letter", "word", "sign"
_OPENING = frozenset("([{")
_ADDRESSING = ("@", ".")  # signs that an address is said with
_MOST_TOKENS = 6  # of a unit, but for numbers that no address holds
_LONGEST_NUMBER = 34  # digits of one that is written in one piece


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of letters or of digits, or one other character."""

    text: str  # in small letters
    start: int
    end: int
    glued: bool  # to the token before it: no space parts them
    written: str  # with its capitals


@dataclass(frozen=True, slots=True)
class Unit:
    """A number, a letter, a sign or a word, at code points `start` to `end` of the text."""

    kind: str
    text: str  # the digits of a number, the capital of a letter, a sign, a word in small letters
    start: int
    end: int
    glued: bool
    said: bool = False  # in words, where it could be written in figures or as a sign
    large: bool = False  # a number of thousands and more, which is no part of a longer one
    capitals: bool = False  # a word that is written in capitals
    behind: int = 0  # the index of the token behind it
    open_end: bool = False  # whether it may be another one once the text goes on


def tokens_of(text: str, start: int = 0, hesitations: Set[str] = frozenset()) -> list[Token]:
    """Return the tokens of a text from a code point on, without hesitations."""
    found, end = [], start if start and not text[start - 1].isspace() else -1
    small = folded(text)
    for match in _TOKEN.finditer(text, start):
        word = small[match.start() : match.end()]
        if word in hesitations:
            continue
        found.append(Token(word, *match.span(), match.start() == end, match.group()))
        end = match.end()
    return found


class Reader:
    """The units of a text, by their number. `complete` says that the text will not go on."""

    def __init__(self, text: str, words: Words, complete: bool, start: int = 0) -> None:
        self.words = words
        self.complete = complete
        self.past_end = False
        self._tokens = tokens_of(text, start, words.hesitations)
        self._units: list[Unit] = []
        ats = {word for word, sign in words.signs.items() if sign == "@"} | {"@"}
        self._ats = [at for at, token in enumerate(self._tokens) if token.text in ats]

    def unit(self, index: int) -> Unit | None:
        """Return the unit of that number; None behind the last."""
        if index < len(self._units):
            unit = self._units[index]
            if unit.open_end:
                self.past_end = True
            return unit
        while len(self._units) <= index:
            at = self._units[-1].behind if self._units else 0
            if at >= len(self._tokens):
                self.past_end = True
                return None
            self._units.append(self._read(at))
        unit = self._units[index]
        self.past_end |= unit.open_end
        return unit

    def units(self) -> Sequence[Unit]:
        """Return all units; that there is none behind the last is noted."""
        while self.unit(len(self._units)) is not None:
            pass
        return self._units

    def is_glued(self, index: int) -> bool:
        """Return whether a unit is there and no space parts it from the one before. An unfinished text ends behind a
        whole word, so that none is glued to its end.
        """
        unit = self._seen(index)
        return unit is not None and unit.glued

    def is_comma(self, index: int) -> bool:
        """Return whether a unit begins with a comma: it may turn out to be an "at" or "dot" once the text goes on."""
        unit = self._seen(index)
        return unit is not None and self._tokens[self._units[index - 1].behind if index else 0].text == ","

    def _seen(self, index: int) -> Unit | None:
        """Return a unit as far as it is there; that it may be another one is not noted."""
        noted, unit = self.past_end, self.unit(index)
        self.past_end = noted
        return unit

    def free_of_ats(self, index: int, reach: int) -> bool:
        """Return whether no "at" is within reach of a unit, and will be none however the text goes on."""
        unit = self.unit(index)
        if unit is None:
            return False
        limit = unit.behind + _MOST_TOKENS * reach
        known = self.complete or limit <= len(self._tokens)
        return known and bisect_left(self._ats, limit) == bisect_left(self._ats, unit.behind)

    def token(self, at: int) -> Token | None:
        """Return a token; None behind the last."""
        if at < len(self._tokens):
            return self._tokens[at]
        self.past_end = True
        return None

    def _read(self, at: int) -> Unit:
        noted, self.past_end = self.past_end, False
        unit = self._paused_sign(at) or self._long(at) or self._number(at) or self._sign(at) or self._word(at)
        unit = replace(unit, open_end=True) if self.past_end else unit
        self.past_end = noted
        return unit

    def _number(self, at: int) -> Unit | None:
        first = self._tokens[at]
        if first.text[0].isdecimal():
            digits = "".join(str(int(each)) for each in first.text[:_LONGEST_NUMBER])
            return self._made(NUMBER, digits, at, at + 1, large=len(first.text) > _LONGEST_NUMBER)
        if first.text not in self.words.number_firsts:
            return None
        said = _Said(self, at)
        if said.digits is None or (at and first.glued and self._tokens[at - 1].text in _APOSTROPHES):
            return None
        return self._made(NUMBER, said.digits, at, said.behind, said=True, large=said.large)

    def _paused_sign(self, at: int) -> Unit | None:
        """Read an "at" or "dot" that is said behind a comma, or written in brackets: ", at,", "(at)"."""
        first, word = self._tokens[at], None
        if first.text in _OPENING:
            word, closing = self.token(at + 1), None
            if word and word.glued and self.words.signs.get(word.text) in _ADDRESSING:
                closing = self.token(at + 2)
            if word and closing and closing.text in ")]}":
                return self._made(SIGN, self.words.signs[word.text], at, at + 3, said=True)
        elif first.text == "," and (word := self.token(at + 1)) and self.words.signs.get(word.text) in _ADDRESSING:
            return self._said_sign(self.words.signs[word.text], at, at + 2)
        return None

    def _long(self, at: int) -> Unit | None:
        """Read a sign or a letter whose name is two words: "guion bajo", "double u"."""
        first, words = self._tokens[at], self.words
        if first.text in words.long_firsts and (second := self.token(at + 1)):
            if sign := words.long_signs.get((first.text, second.text)):
                return self._said_sign(sign, at, at + 2)
            if letter := words.long_letters.get((first.text, second.text)):
                return self._made(LETTER, letter, at, at + 2, said=True)
        return None

    def _sign(self, at: int) -> Unit | None:
        first = self._tokens[at]
        if not first.text[0].isalnum():
            return self._made(SIGN, first.text, at, at + 1)
        sign = self.words.signs.get(first.text)
        return self._said_sign(sign, at, at + 1) if sign else None

    def _said_sign(self, sign: str, at: int, behind: int) -> Unit:
        """A sign that is said, with the comma behind it where it belongs to an address."""
        if sign in _ADDRESSING and (comma := self.token(behind)) and comma.text == "," and comma.glued:
            behind += 1
        return self._made(SIGN, sign, at, behind, said=True)

    def _word(self, at: int) -> Unit:
        token = self._tokens[at]
        written = token.written
        if len(written) == 1 and not (token.glued and at and self._tokens[at - 1].text in _APOSTROPHES):
            return self._made(LETTER, written.upper()[:1], at, at + 1)
        return self._made(WORD, token.text, at, at + 1, capitals=written.isupper())

    def _made(self, kind: str, text: str, at: int, behind: int, **more: bool) -> Unit:
        first, last = self._tokens[at], self._tokens[behind - 1]
        return Unit(kind, text, first.start, last.end, first.glued, behind=behind, **more)


class _Said:
    """A number in words from a token on: its digits, None where there is none."""

    def __init__(self, reader: Reader, at: int) -> None:
        self._reader = reader
        self._words = reader.words
        self.behind = at
        self.large = False
        self.digits = self._repeated() or self._number()

    def _text(self, at: int) -> str:
        token = self._reader.token(at)
        return token.text if token else ""

    def _repeated(self) -> str | None:
        times = self._words.repeats.get(self._text(self.behind))
        if not times:
            return None
        hyphen = self._text(self.behind + 1) == "-"
        word = self._text(self.behind + 1 + hyphen)
        digit = self._words.digits.get(word, word)
        if len(digit) != 1 or not digit.isdecimal():
            return None
        self.behind += 2 + hyphen
        return digit * times

    def _number(self) -> str | None:
        begun, total, told = self.behind, 0, False
        value = self._below_million()
        while value is not None and self._text(self.behind) in self._words.millions:
            self.behind += 1
            total, told = total + 1_000_000 * int(value), True
            value = self._joined(self._below_million)
        if value is None and not told:
            self.behind = begun
            return None
        self.large |= told
        return str(total + int(value or 0)) if told else value

    def _below_million(self) -> str | None:
        """Read a number; a full thousand may be a part of a longer one ("four thousand double zero")."""
        value = self._below_thousand()
        if self._text(self.behind) not in self._words.thousand or value == "0":
            return value
        self.behind += 1
        rest = int(self._joined(self._above_zero) or 0)
        self.large |= rest > 0 or int(value or 1) > 9
        return str(1000 * int(value or 1) + rest)

    def _above_zero(self) -> str | None:
        begun = self.behind
        value = self._below_thousand()
        if value is not None and int(value) > 0:
            return value
        self.behind = begun
        return None

    def _below_thousand(self) -> str | None:
        if value := self._words.hundreds.get(self._text(self.behind)):
            self.behind += 1
            rest = self._joined(self._below_hundred)
            return str(int(value) + int(rest or 0))
        value = self._below_hundred()
        if value is not None and self._text(self.behind) in self._words.hundred:
            self.behind += 1
            value += "00"
            if self._text(self.behind) in self._words.joiners:
                rest = self._joined(self._below_hundred)
                return str(int(value) + int(rest or 0))
        return value

    def _below_hundred(self) -> str | None:
        word = self._text(self.behind)
        if value := self._words.digits.get(word) or self._words.two_digits.get(word):
            self.behind += 1
            return value
        if (value := self._words.tens.get(word)) is None:
            return None
        self.behind += 1
        begun = self.behind
        joined = self._text(self.behind) in (self._words.joiners | {"-"})
        if joined:
            self.behind += 1
        one = self._words.digits.get(self._text(self.behind), "0")
        if one == "0" or not (joined or self._words.hundred):
            self.behind = begun
            return value
        self.behind += 1
        return str(int(value) + int(one))

    def _joined(self, what: Callable[[], str | None]) -> str | None:
        """Read a number behind an optional joiner."""
        begun = self.behind
        if self._text(self.behind) in self._words.joiners:
            self.behind += 1
        value = what()
        if value is None:
            self.behind = begun
        return value
