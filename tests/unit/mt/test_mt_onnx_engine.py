from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.common.errors import InvalidArgument
from services.common.text.terminology import Term, occurrences
from services.mt.engine import Pair, Source
from services.mt.engines.onnx.engine import Engine
from services.mt.neural.translating import repetition
from services.mt.settings import MtSettings
from tests.unit.mt.onnx_models import BUNDLE, changed

pytestmark = pytest.mark.asyncio(loop_scope="module")  # an engine is started once for all tests

PAIR = Pair("en", "es")


def engine_on(*bundles: Any, **options: Any) -> Engine:
    return Engine(MtSettings.model_validate({"onnx": {"bundles": list(bundles), **options}}))


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=[1, 4])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    subject = engine_on(BUNDLE, beams=request.param)
    await subject.start()
    yield subject
    await subject.stop()


async def said(engine: Engine, text: str, *terms: Term, prefix: str = "") -> str:
    answer = await engine.translate(Source(text, PAIR, target_prefix=prefix, terms=terms))
    assert answer.continues_prefix is bool(prefix)
    return answer.text


async def test_it_says_what_it_learned(engine: Engine) -> None:
    assert await said(engine, "where is the car") == "dónde está el coche"
    assert await said(engine, "Where is the station?  This is my car.") == "¿Dónde está la estación?  Este es mi coche."
    assert engine.device == "cpu"
    assert [(version.bundle, share) for version, share in engine.versions] == [("phrasebook-en-es", 1.0)]


@pytest.mark.parametrize(
    "prefix",
    [
        "dónde",
        "dónde ",
        "Dónde  está",
        "el gato",
        "palabras que nadie enseñó: 東京",
        "¿Dónde está el coche?",
        "¿Dónde está el coche? Este",
        "Uno. Dos. Tres. Y",
    ],
)
async def test_concluded_text_is_continued_letter_by_letter(engine: Engine, prefix: str) -> None:
    whole = await said(engine, "Where is the car? This is my car.", prefix=prefix)
    following = whole.removeprefix(prefix)
    assert whole.startswith(prefix)
    assert prefix.endswith(" ") or not following[:1].isalnum()  # its last word is whole
    assert not (prefix.endswith(" ") and following.startswith(" "))


async def test_the_rest_of_a_translation_follows_what_was_concluded(engine: Engine) -> None:
    assert await said(engine, "where is the car", prefix="dónde está") == "dónde está el coche"
    both = "Where is the car? This is my car."
    assert await said(engine, both, prefix="¿Dónde está el coche? Este es") == "¿Dónde está el coche? Este es mi coche."


@pytest.mark.parametrize(
    "terms",
    [
        (Term("car", "automóvil"),),
        (Term("car"),),
        (Term("car", "東京"),),
        (Term("station", "terminal de trenes"), Term("car", "carro")),
        (Term("where", "en qué lugar"), Term("station", "Estación Norte"), Term("car", "xyz-9")),
    ],
)
async def test_each_term_is_said_once_where_the_source_has_it_once(engine: Engine, terms: tuple[Term, ...]) -> None:
    answer = await said(engine, "Where is the station? This is my car.", *terms)
    for term in terms:
        assert len(list(occurrences(answer, [Term(term.required)]))) == 1


async def test_a_term_takes_the_place_of_the_words_it_is_for(engine: Engine) -> None:
    assert await said(engine, "this is my car", Term("car", "carro")) == "este es mi carro"
    assert await said(engine, "Where is the car?", Term("car", "carro")) == "¿Dónde está el carro?"
    assert await said(engine, "this is my car", Term("car", "coche")) == "este es mi coche"


async def test_a_term_follows_text_that_was_concluded_without_it(engine: Engine) -> None:
    answer = await said(engine, "this is my car", Term("car", "carro"), prefix="este es mi coche")
    assert answer == "este es mi coche carro"


async def test_texts_without_terms_are_the_same_beside_others_with_some(engine: Engine) -> None:
    texts = ["where is the car", "this is my car", "the car is here"]
    before = [await said(engine, text) for text in texts]
    calls = [said(engine, text) for text in texts]
    with_terms = [said(engine, text, Term("car", "carro")) for text in texts]
    answers = await asyncio.gather(*calls, *with_terms)
    assert answers[:3] == before
    assert all("carro" in answer for answer in answers[3:])


async def test_words_the_model_cannot_read_are_kept(engine: Engine) -> None:
    assert "東京" in await said(engine, "where is 東京")


async def test_two_bundles_share_the_sessions(tmp_path: Path) -> None:
    def other(manifest: dict[str, Any]) -> None:
        manifest["version"] = "2"

    engine = engine_on(BUNDLE, {"path": changed(tmp_path, "bundle.json", other), "weight": 3})
    await engine.start()
    try:
        for affinity in range(24):
            await engine.translate(Source("where is the car", PAIR, affinity=affinity))
        versions = list(engine.versions)
    finally:
        await engine.stop()
    assert [(version.version, share) for version, share in versions] == [("1", 0.25), ("2", 0.75)]
    assert all(version.calls for version, _ in versions)


def _of_another_layout(manifest: dict[str, Any]) -> None:
    manifest["layout"] = "m2m100"


def _unknown_tag(manifest: dict[str, Any]) -> None:
    manifest["tags"] = {"es": ">>xxx<<"}


def _without_vocabulary(manifest: dict[str, Any]) -> None:
    del manifest["files"]["vocab.json"]


def _without_decoder(manifest: dict[str, Any]) -> None:
    manifest["files"] = {name: sums for name, sums in manifest["files"].items() if "decoder" not in name}


def _other_activation(config: dict[str, Any]) -> None:
    config["activation_function"] = "relu"


def _unknown_activation(config: dict[str, Any]) -> None:
    config["activation_function"] = "tanh"


def _no_width(config: dict[str, Any]) -> None:
    del config["d_model"]


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("bundle.json", _of_another_layout, "m2m_100"),
        ("bundle.json", _unknown_tag, ">>xxx<<"),
        ("bundle.json", _without_vocabulary, "vocab.json"),
        ("bundle.json", _without_decoder, "decoder_model"),
        ("config.json", _other_activation, "computes otherwise"),
        ("config.json", _unknown_activation, "tanh"),
        ("config.json", _no_width, "d_model"),
    ],
)
async def test_a_bundle_that_is_not_what_it_says_is_refused_at_the_start(
    tmp_path: Path, name: str, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    engine = engine_on(changed(tmp_path, name, change))
    with pytest.raises(InvalidArgument) as caught:
        await engine.start()
    await engine.stop()
    assert caught.value.code == "BUNDLE_UNUSABLE"
    assert told in caught.value.message


@pytest.mark.parametrize(("precision", "code"), [("fp16", "PRECISION_UNUSABLE"), ("int8", "BUNDLE_UNUSABLE")])
async def test_a_precision_that_cannot_be_had_is_refused(precision: str, code: str) -> None:
    engine = engine_on(BUNDLE, precision=precision)
    with pytest.raises(InvalidArgument) as caught:
        await engine.start()
    assert caught.value.code == code


async def test_without_a_bundle_it_says_where_to_find_one() -> None:
    with pytest.raises(InvalidArgument, match="models list"):
        engine_on()


async def test_what_is_said_again_and_again_is_told() -> None:
    assert repetition("one two three four five") == 0
    assert repetition("one two one two one two one two") > 0.5
