"""What Apertium is made to say: casing, spaces, names, signs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.mt.engine import Pair, Source
from services.mt.engines.embedded.engine import Engine
from services.mt.settings import MtSettings
from tests.mesh.mt import needs_apertium

pytestmark = needs_apertium


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine(MtSettings.model_validate({"embedded": {"warm_from": "", "pipelines": 1}}))
    await engine.start()
    yield engine
    await engine.stop()


SPANISH = {
    "The dog is here.": "El perro es aqu\u00ed.",
    "the dog is here": "el perro es aqu\u00ed",
    "I have a dog.": "Tengo un perro.",
    "i have a dog": "tengo un perro",
    "Hello there, friends": "Hola all\u00ed, amigos",
    "We work at NASA and the FBI.": "Obramos en NASA y el FBI.",
    "on monday i am going to paris": "el lunes estoy yendo a Par\u00eds",
    "This is a test. and this too.": "Esto es una prueba. y esto tambi\u00e9n.",
    "I\u2019m here": "Soy aqu\u00ed",
    "What is this?": "\u00bfQu\u00e9 es esto?",
    'He said: "I am fine."': 'Dijo: "soy bien."',
    "No.": "No.",
    "two  dogs\nand one": "dos perros\ny uno",
    "and/or": "y/o",
    "two\0dogs": "dos perros",
    "it costs $5 [now]": "cuesta $5 [ahora]",
    "\u65e5\u672c\u8a9e text \U0001f600 here": "\u65e5\u672c\u8a9e texto \U0001f600 aqu\u00ed",
}


async def test_spanish_is_written_like_its_source(engine: Engine) -> None:
    answers = {text: (await engine.translate(Source(text, Pair("en", "es")))).text for text in SPANISH}
    assert answers == SPANISH


@pytest.mark.parametrize(
    ("pair", "text", "wanted"),
    [
        (Pair("en", "ca"), "The dog is here.", "El gos \u00e9s aqu\u00ed."),
        (Pair("en", "gl"), "i have a dog", "te\u00f1o un can"),
        (Pair("es", "en"), "Yo hablo ingl\u00e9s.", "I speak English."),
        (Pair("ca", "en"), "El gos \u00e9s aqu\u00ed.", "The dog is here."),
    ],
)
async def test_every_installed_pair_translates(engine: Engine, pair: Pair, text: str, wanted: str) -> None:
    if pair not in engine.pairs:
        pytest.skip(f"Apertium's {pair.source}-{pair.target} is not installed")
    assert (await engine.translate(Source(text, pair))).text == wanted


async def test_unknown_words_are_counted_and_kept(engine: Engine) -> None:
    answer = await engine.translate(Source("the xyzzy is here", Pair("en", "es")))
    assert answer.unknown_words == 1
    assert "xyzzy" in answer.text
    assert "*" not in answer.text
