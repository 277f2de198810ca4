"""Twenty terms through every translator that is installed: each is in the translation, whatever stands around it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest

from bench.translation.terms import SENTENCES, SPANISH
from services.common.engines.selection import engine_class
from services.common.text.terminology import Term, uses
from services.mt.engine import Engine, Pair, Source
from services.mt.settings import MtSettings

EN_ES = Pair("en", "es")
NOTES = Term("release notes", "notas de la versi\u00f3n")


@pytest.fixture(params=["embedded", "scripted"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    if request.param == "embedded" and not shutil.which("lt-proc"):
        pytest.skip("Apertium is not installed")
    options = {"embedded": {"warm_from": "", "pipelines": 1}}
    subject: Engine = engine_class("mt", request.param)(MtSettings.model_validate(options))
    await subject.start()
    yield subject
    await subject.stop()


@pytest.mark.parametrize("target", ["es", "ca"])
async def test_every_term_is_honoured(engine: Engine, target: str) -> None:
    met: set[Term] = set()
    for text in SENTENCES:
        translation = (await engine.translate(Source(text, Pair("en", target), terms=SPANISH))).text
        found = uses(text, translation, SPANISH)
        assert all(use.honoured for use in found), f"{text} | {translation}"
        met |= {use.term for use in found}
    assert met == set(SPANISH)


@pytest.mark.parametrize(
    ("pair", "text", "term", "wanted"),
    [
        (EN_ES, "the old account is full", Term("account", "cuenta"), "la cuenta vieja es llena"),
        (EN_ES, "read the new release notes", NOTES, "le\u00eddo las notas de la versi\u00f3n nuevas"),
        (EN_ES, "the engineer's house", Term("engineer", "ingeniera"), "la casa de la ingeniera"),
        (EN_ES, "the guitar of my account", Term("account", "cuenta"), "la guitarra de mi cuenta"),
        (EN_ES, "the account player", Term("account", "cuenta"), "el jugador de cuenta"),
        (EN_ES, "the old Asterisk", Term("Asterisk"), "el viejo Asterisk"),
        (Pair("en", "ca"), "the old account", Term("account", "factura"), "la factura vella"),
        (Pair("en", "gl"), "the old account", Term("account", "factura"), "a factura vella"),
    ],
)
async def test_words_around_a_term_agree_with_what_it_becomes(pair: Pair, text: str, term: Term, wanted: str) -> None:
    if not shutil.which("lt-proc"):
        pytest.skip("Apertium is not installed")
    apertium: Engine = engine_class("mt", "embedded")(MtSettings.model_validate({"embedded": {"warm_from": ""}}))
    await apertium.start()
    try:
        if pair not in apertium.pairs:
            pytest.skip(f"Apertium's {pair.source}-{pair.target} is not installed")
        assert (await apertium.translate(Source(text, pair, terms=(term,)))).text == wanted
    finally:
        await apertium.stop()


async def test_without_terms_the_translator_has_its_own_way(engine: Engine) -> None:
    translation = (await engine.translate(Source("the voicemail of the call center", Pair("en", "es")))).text
    assert not any(use.honoured for use in uses("the voicemail of the call center", translation, SPANISH))


async def test_terms_are_no_unknown_words(engine: Engine) -> None:
    asked = Source("the Asterisk of xyzzy", Pair("en", "es"), terms=(Term("Asterisk"),))
    assert (await engine.translate(asked)).unknown_words <= 1
