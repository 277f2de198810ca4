"""Twenty terms through every translator that is installed: each is in the translation, whatever stands around it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest

from bench.terms import SENTENCES, SPANISH
from services.common.engines import engine_class
from services.common.terminology import Term, uses
from services.mt.engine import Engine, Pair, Source
from services.mt.settings import MtSettings


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


async def test_without_terms_the_translator_has_its_own_way(engine: Engine) -> None:
    translation = (await engine.translate(Source("the voicemail of the call center", Pair("en", "es")))).text
    assert not any(use.honoured for use in uses("the voicemail of the call center", translation, SPANISH))


async def test_terms_are_no_unknown_words(engine: Engine) -> None:
    asked = Source("the Asterisk of xyzzy", Pair("en", "es"), terms=(Term("Asterisk"),))
    assert (await engine.translate(asked)).unknown_words <= 1
