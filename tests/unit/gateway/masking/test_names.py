"""Names of people, by Presidio and the models of spaCy that are installed."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from services.gateway.masking import names


def test_the_best_model_of_each_language_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    there = ("en_core_web_sm", "es_core_news_md", "en_core_web_lg", "es_core_news_sm")
    monkeypatch.setattr(names, "entry_points", lambda group: [EntryPoint(name, name, group) for name in there])
    assert names.models() == {"en": "en_core_web_lg", "es": "es_core_news_md"}


def test_without_a_model_nothing_finds_names_and_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "find_spec", lambda name: object())
    monkeypatch.setattr(names, "entry_points", lambda group: [])
    assert not names.installed()
    names.load()


@pytest.mark.weights
def test_names_are_found_by_presidio_itself() -> None:
    pytest.importorskip("presidio_analyzer")
    if "en" not in names.models():
        pytest.skip("no model of spaCy for English is installed")
    text = "My name is Maria Lopez and I met John Smith in Paris."
    found = [text[start:end] for start, end in names.presidio().places(text, "en-GB")]
    assert found == ["Maria Lopez", "John Smith"]
    assert names.presidio().places("Ich heiße Anna Schmidt", "de") == []
