"""A glossary on the command line: a file, or a name."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from babelmesh.cli.options import wanted
from babelmesh.cli.views import notice_of
from babelmesh.client.errors import GlossaryUnreadable
from babelmesh.client.events import Error, GlossaryUse, TranslationResult
from babelmesh.client.glossary import glossary_file

CONTENT = '{"terms": [{"source": "voicemail", "translations": {"es": "buz\u00f3n de voz"}}, {"source": "Asterisk"}]}'


def test_a_file_becomes_the_glossary_of_the_hello(tmp_path: Path) -> None:
    file = tmp_path / "phones.json"
    file.write_text(CONTENT, encoding="utf-8")
    glossary = wanted("en", "es", glossary=str(file)).config().glossary
    assert [term.source for term in glossary.terms] == ["voicemail", "Asterisk"]
    assert glossary.terms[0].translations["es"] == "buz\u00f3n de voz"
    assert glossary_file(file) == glossary


def test_a_byte_order_mark_before_it_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "phones.json"
    file.write_text(CONTENT, encoding="utf-8-sig")
    assert [term.source for term in glossary_file(file).terms] == ["voicemail", "Asterisk"]


def test_a_bare_name_is_one_that_the_server_keeps() -> None:
    assert wanted("en", "es", glossary="phones").config().glossary.name == "phones"


def test_without_the_option_there_is_none() -> None:
    assert not wanted("en", "es").config().HasField("glossary")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"terms": 3}', '{"terms": [{"soruce": "x"}]}', "\xff"])
def test_a_file_that_is_no_glossary_is_a_usage_error_with_its_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "phones.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(GlossaryUnreadable, match=r"phones\.json"):
        glossary_file(file)
    with pytest.raises(typer.BadParameter):
        wanted("en", "es", glossary=str(file))


@pytest.mark.parametrize("gone", ["gone.json", "folder/gone"])
def test_a_file_that_is_not_there_is_a_usage_error(gone: str) -> None:
    with pytest.raises(typer.BadParameter, match="No such file"):
        wanted("en", "es", glossary=gone)


def test_a_person_is_told_of_terms_that_were_missed() -> None:
    missed = GlossaryUse(source="voicemail", required="buz\u00f3n de voz", occurrences=1)
    honoured = GlossaryUse(source="Asterisk", required="Asterisk", occurrences=1, honoured=True)
    result = TranslationResult(final=True, target_lang="es", glossary=[missed, honoured])
    assert notice_of(result).endswith("voicemail (buz\u00f3n de voz)")
    assert not notice_of(TranslationResult(final=True, glossary=[honoured]))
    assert notice_of(Error(code="X", message="y")) == "X: y"
