"""Metrics of the stage's translations: their duration, and signs of a translator that ran in a loop."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise
from time import perf_counter

import langcodes

from services.common.telemetry import metrics
from services.mt.engine import Pair, Source, Translation

_DURATION = metrics.histogram("babelmesh.engine.duration")
_LENGTH_RATIO = metrics.histogram("babelmesh.mt.length_ratio")
_REPETITION = metrics.histogram("babelmesh.mt.repetition")
_UNKNOWN_WORDS = metrics.counter("babelmesh.mt.unknown_words")
_CACHE = metrics.counter("babelmesh.mt.cache")

_UNSPACED = frozenset({"Hani", "Hans", "Hant", "Hira", "Hrkt", "Jpan", "Kana", "Khmr", "Laoo", "Mymr", "Thai", "Tibt"})
_READ = frozenset("LMN")  # letters, what is written on and below them, and numbers


@contextmanager
def timed(pair: Pair) -> Iterator[None]:
    """Record how long the engine takes for the block, labelled with the pair's languages."""
    since = perf_counter()
    yield
    _DURATION.record(perf_counter() - since, {"stage": "mt", **_of(pair)})


def answered(source: Source, translation: Translation, known: bool) -> None:
    """Record an answered text. Only finals count for quality, cached or not, as they are what stays."""
    _CACHE.add(1, {"outcome": "hit" if known else "miss"})
    if not source.final:
        return
    of = _of(source.pair)
    _LENGTH_RATIO.record(len(translation.text) / len(source.text), of)
    if (share := repetition(translation.text, source.pair.target)) is not None:
        _REPETITION.record(share, of)
    if translation.unknown_words:
        _UNKNOWN_WORDS.add(translation.unknown_words, of)


def repetition(text: str, language: str) -> float | None:
    """Return the share of word pairs that occurred before in the text; None where there is no pair.

    Of a language that is written without spaces, the share of pairs of characters.
    """
    words = _words(text)
    pairs = list(pairwise("".join(words) if _unspaced(language) else words))
    return 1 - len(set(pairs)) / len(pairs) if pairs else None


def _words(text: str) -> list[str]:
    """Return the words of a text in lower case, without marks."""
    return "".join(char if unicodedata.category(char)[0] in _READ else " " for char in text.casefold()).split()


@lru_cache(maxsize=1024)
def _unspaced(language: str) -> bool:
    return langcodes.get(language).maximize().script in _UNSPACED


def _of(pair: Pair) -> dict[str, str]:
    return {"source_lang": pair.source, "target_lang": pair.target}
