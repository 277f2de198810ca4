"""Translates words that a pair's dictionary lacks by the spelling rules of related languages. Pure.

Neighbours share most of their learned words: "regressão" is "regresión". `cognates.toml` has the rules of each pair.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.mt.engine import Pair
from services.mt.engines.embedded.lexicon import known

_TABLE = Path(__file__).with_name("cognates.toml")
_MARKED = re.compile(r"\*(\w+)")
_LEAST_LETTERS = 5  # of a word: short ones are seldom learned ones


@dataclass(frozen=True, slots=True)
class _Rules:
    endings: tuple[tuple[str, str], ...]
    letters: tuple[tuple[str, str], ...]
    beside: tuple[tuple[re.Pattern[str], str], ...]


def guessed(answer: str, pair: Pair, kept: Set[str]) -> str:
    """Return Apertium's answer, still marked, with the likely form of each unknown word; `kept` words stay as they
    are.

    Words with a capital that the lexicon lacks are names, which are written as they are. What stands before an unknown
    word, for Apertium no noun, is put right as well.
    """
    rules = _rules(pair)
    if rules is None:
        return answer
    written = _MARKED.sub(lambda found: found.group() if found[1] in kept else f"*{_likely(found[1], pair)}", answer)
    for pattern, becomes in rules.beside:
        written = pattern.sub(becomes, written)
    return written


def _likely(word: str, pair: Pair) -> str:
    return known(word, pair) or (cognate(word, pair) if word.islower() else word)


def cognate(word: str, pair: Pair) -> str:
    """Return the likely target form of a word in small letters; the word itself where its pair has no rules."""
    rules = _rules(pair)
    if rules is None or len(word) < _LEAST_LETTERS:
        return word
    for ending, becomes in rules.endings:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return _with_letters(word.removesuffix(ending), rules) + becomes
    return _with_letters(word, rules)


def _with_letters(text: str, rules: _Rules) -> str:
    for letters, becomes in rules.letters:
        text = text.replace(letters, becomes)
    return text


@cache
def _rules(pair: Pair) -> _Rules | None:
    row = tomllib.loads(_TABLE.read_text()).get(pair.languages)
    if row is None:
        return None
    beside = tuple((re.compile(pattern), becomes) for pattern, becomes in row.get("beside", ()))
    return _Rules(tuple(map(tuple, row["endings"])), tuple(map(tuple, row["letters"])), beside)
