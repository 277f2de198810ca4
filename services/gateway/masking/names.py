"""The interface to what finds names of people: Presidio, where it is installed with models of spaCy.

No weights come with this project. Presidio by itself would fetch models that are not there: it is given those that are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, Protocol

_MODULE = "presidio_analyzer"
_MODELS = "spacy_models"  # the group of entry points by which spaCy knows its models
_SIZES = ("trf", "lg", "md", "sm")  # ends of their names, the best first
_LEAST_SCORE = 0.4


class Names(Protocol):
    """Finds the names of people in a whole text."""

    def places(self, text: str, lang: str) -> Iterable[tuple[int, int]]:
        """Return the first code point of each name in a text of a language (BCP-47), and that behind it."""


def models() -> Mapping[str, str]:
    """Return the name of the best model that is installed for each language."""
    names = sorted((point.name for point in entry_points(group=_MODELS)), key=_rank, reverse=True)
    return {name.partition("_")[0]: name for name in names}


def _rank(name: str) -> int:
    return next((at for at, size in enumerate(_SIZES) if size in name.split("_")), len(_SIZES))


def installed() -> bool:
    """Return whether Presidio is installed (the extra `names`), and a model of spaCy."""
    return find_spec(_MODULE) is not None and bool(models())


@lru_cache(1)
def presidio() -> Names:
    """Return Presidio with the models that are installed, loaded once, which takes seconds. Raises ImportError."""
    analyzer = import_module(_MODULE)
    there = models()
    told = [{"lang_code": lang, "model_name": name} for lang, name in there.items()]
    configuration = {"nlp_engine_name": "spacy", "models": told}
    provider = import_module(f"{_MODULE}.nlp_engine").NlpEngineProvider(nlp_configuration=configuration)
    return _Presidio(analyzer.AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=[*there]))


def load() -> None:
    """Load what finds names, where it is installed: no session is to wait for it."""
    if installed():
        presidio()


class _Presidio:
    def __init__(self, analyzer: Any) -> None:
        self._analyzer = analyzer

    def places(self, text: str, lang: str) -> Iterable[tuple[int, int]]:
        language = lang.partition("-")[0]
        if language not in self._analyzer.supported_languages:
            return []
        found = self._analyzer.analyze(text, language=language, entities=["PERSON"], score_threshold=_LEAST_SCORE)
        return [(each.start, each.end) for each in found]
