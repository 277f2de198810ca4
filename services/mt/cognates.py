"""Words that a pair's dictionary lacks, written as its target language most likely writes them. Pure.

Neighbours share most of their learned words: "regressão" is "regresión". `cognates.toml` has the rules of each pair.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Set
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from services.mt.engine import Pair

_TABLE = Path(__file__).with_name("cognates.toml")
_MARKED = re.compile(r"\*(\w+)")
_LEAST_LETTERS = 5  # of a word: short ones are seldom learned ones
_MOST_KNOWN = 2_000


@dataclass(frozen=True, slots=True)
class _Rules:
    endings: tuple[tuple[str, str], ...]
    letters: tuple[tuple[str, str], ...]


def guessed(answer: str, pair: Pair, kept: Set[str]) -> str:
    """An answer of Apertium, still marked, with the likely form of each unknown word; `kept` ones stay as they are.

    Words with a capital are names, which are written as they are.
    """
    if _rules(pair) is None:
        return answer
    return _MARKED.sub(
        lambda found: found.group() if found[1] in kept or not found[1].islower() else f"*{cognate(found[1], pair)}",
        answer,
    )


@lru_cache(_MOST_KNOWN)
def cognate(word: str, pair: Pair) -> str:
    """The likely form of a word in small letters; the word itself where its pair has no rules."""
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
    row = tomllib.loads(_TABLE.read_text()).get(f"{pair.source}>{pair.target}")
    return row and _Rules(tuple(map(tuple, row["endings"])), tuple(map(tuple, row["letters"])))
