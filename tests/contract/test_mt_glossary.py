"""Twenty terms through every translator that is installed: each is in the translation, whatever stands around it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest

from services.common.engines import engine_class
from services.common.terminology import Term, uses
from services.mt.engine import Engine, Pair, Source
from services.mt.settings import MtSettings

TERMS = (
    Term("voicemail", "buz\u00f3n de voz"),
    Term("call center", "centro de atenci\u00f3n"),
    Term("call", "llamada"),
    Term("extension", "n\u00famero interno"),
    Term("pound key", "tecla numeral"),
    Term("hold music", "m\u00fasica de espera"),
    Term("dial tone", "tono de marcado"),
    Term("conference bridge", "sala de conferencias"),
    Term("account", "cuenta"),
    Term("on-call engineer", "ingeniera de guardia"),
    Term("failover", "conmutaci\u00f3n por error"),
    Term("release notes", "notas de la versi\u00f3n"),
    Term("C++", "C++"),
    Term("Asterisk"),
    Term("GitHub"),
    Term("Node.js"),
    Term("AT&T"),
    Term("US", "EE. UU."),
    Term("kubectl"),
    Term("St. John's", "San Juan"),
)
SENTENCES = (
    "You have three new voicemails. The first voicemail is from the call center!",
    "press the pound key to call extension nine",
    "HOLD MUSIC IS PLAYED BEFORE THE DIAL TONE.",
    "Asterisk's conference bridge isn't full, is it?",
    "Open your account; don't close it. the old account",
    "The on-call engineer was called (again) about the failover...",
    "asterisk, github and node.js: read the release notes",
    "I'm writing C++ for AT&T in the US, they told us.",
    "kubectl works. Kubectl is a program.",
    "She lives in St. John's, and i live in the US.",
    "voicemail",
    'Extension? Extension! "Extension"',
    "a release notes-based call-center-like failover's extension",
    "send the account of the call center to the on-call engineer's voicemail on monday",
)


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
        translation = (await engine.translate(Source(text, Pair("en", target), terms=TERMS))).text
        found = uses(text, translation, TERMS)
        assert all(use.honoured for use in found), f"{text} | {translation}"
        met |= {use.term for use in found}
    assert met == set(TERMS)


async def test_without_terms_the_translator_has_its_own_way(engine: Engine) -> None:
    translation = (await engine.translate(Source("the voicemail of the call center", Pair("en", "es")))).text
    assert not any(use.honoured for use in uses("the voicemail of the call center", translation, TERMS))


async def test_terms_are_no_unknown_words(engine: Engine) -> None:
    asked = Source("the Asterisk of xyzzy", Pair("en", "es"), terms=(Term("Asterisk"),))
    assert (await engine.translate(asked)).unknown_words <= 1
