"""The interface to what finds names of people: Presidio, where it is installed. No weights come with this project."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

_MODULE = "presidio_analyzer"
_LEAST_SCORE = 0.4


class Names(Protocol):
    """Finds the names of people in a whole text."""

    def places(self, text: str, lang: str) -> Iterable[tuple[int, int]]:
        """Return the first code point of each name in a text of a language (BCP-47), and that behind it."""


def installed() -> bool:
    """Return whether Presidio is installed (the extra `names`)."""
    return find_spec(_MODULE) is not None


@lru_cache(1)
def presidio() -> Names:
    """Return Presidio, loaded once; it brings the models that it was installed with. Raises ImportError."""
    return _Presidio(import_module(_MODULE).AnalyzerEngine())


class _Presidio:
    def __init__(self, analyzer: Any) -> None:
        self._analyzer = analyzer

    def places(self, text: str, lang: str) -> Iterable[tuple[int, int]]:
        language = lang.partition("-")[0]
        if language not in self._analyzer.supported_languages:
            return []
        found = self._analyzer.analyze(text, language=language, entities=["PERSON"], score_threshold=_LEAST_SCORE)
        return [(each.start, each.end) for each in found]
