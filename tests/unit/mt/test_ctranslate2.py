"""The engine on CTranslate2: languages, prefixes, terms and batches, on models that copy what they are given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.common.errors import InvalidArgument
from services.common.text.terminology import Term
from services.mt.engine import Pair, Source
from services.mt.engines.ctranslate2.engine import Engine
from services.mt.settings import MtSettings
from tests.models.mt import copying

ENGLISH_SPANISH, ENGLISH_GERMAN = Pair("en", "es"), Pair("en", "de")
TEXT = "The dog is here. A cat."


def engine_of(*folders: Path, **options: object) -> Engine:
    return Engine(MtSettings.model_validate({"ctranslate2": {"bundles": list(folders), **options}}))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    engine = engine_of(copying.marian(tmp_path / "marian"))
    await engine.start()
    yield engine
    await engine.stop()


async def test_sentences_are_translated_and_put_together(engine: Engine) -> None:
    assert (await engine.translate(Source(TEXT, ENGLISH_SPANISH))).text == TEXT


async def test_a_concluded_prefix_is_continued(engine: Engine) -> None:
    answer = await engine.translate(Source("The dog is here.", ENGLISH_SPANISH, target_prefix="Un gato"))
    assert answer.continues_prefix
    assert answer.text.startswith("Un gato ")  # no letters are glued to the last word of it


async def test_a_term_takes_the_place_of_the_words_that_say_it(engine: Engine) -> None:
    answer = await engine.translate(Source(TEXT, ENGLISH_SPANISH, terms=(Term("dog", "perra"),)))
    assert answer.text.startswith("The perra ")
    assert "dog" not in answer.text


async def test_texts_at_once_have_the_translations_they_have_alone(engine: Engine) -> None:
    texts = ["The dog.", "A cat is here.", "The dog is here.", "A dog."]
    together = await asyncio.gather(*(engine.translate(Source(text, ENGLISH_SPANISH)) for text in texts))
    assert [answer.text for answer in together] == texts


@pytest.mark.parametrize(
    ("layout", "tags"),
    [("ct2-m2m100", None), ("ct2-nllb", {"en": "eng_Latn", "es": "spa_Latn", "de": "deu_Latn"})],
)
async def test_a_model_of_many_languages_is_told_both(tmp_path: Path, layout: str, tags: dict[str, str] | None) -> None:
    engine = engine_of(copying.m2m100(tmp_path / "many", layout, tags))
    await engine.start()
    assert engine.pairs == (ENGLISH_SPANISH, ENGLISH_GERMAN)
    assert (await engine.translate(Source("The", ENGLISH_GERMAN))).text == "The"
    await engine.stop()


async def test_a_language_that_the_model_does_not_know_is_named_at_the_start(tmp_path: Path) -> None:
    folder = copying.m2m100(tmp_path / "many", tags={"en": "__en__", "es": "__es__", "de": "__de__"})
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["tags"]["de"] = "__nds__"
    (folder / "bundle.json").write_text(json.dumps(manifest))
    with pytest.raises(InvalidArgument, match="The model knows no '__nds__'"):
        await engine_of(folder).start()


async def test_what_is_no_model_is_named_at_the_start(tmp_path: Path) -> None:
    folder = copying.marian(tmp_path / "broken")
    (folder / "model.bin").write_bytes(b"what a proxy sent instead")
    manifest = json.loads((folder / "bundle.json").read_text())
    copying.described(folder, manifest)
    with pytest.raises(InvalidArgument, match="CTranslate2 cannot load the model"):
        await engine_of(folder).start()
