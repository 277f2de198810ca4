"""Pronunciations in IPA, and what espeak-ng says it makes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.common.text import ipa
from services.tts import espeak
from services.tts.engine import Clause, Pronunciation, Voice
from services.tts.engines.embedded.engine import Engine
from services.tts.engines.embedded.phonemes import phonemes
from services.tts.settings import TtsSettings
from tests.mesh.tts import needs_espeak

pytestmark = needs_espeak

PROGRAM = "espeak-ng"
KUBERNETES = Pronunciation("Kubernetes", "kuber\u02c8netes")


async def told(voice: str, text: str) -> str:
    """What espeak-ng would say, in IPA."""
    written = await espeak.answer(PROGRAM, ("-v", voice, "-q", "--ipa", "--stdin"), text)
    return " ".join(written.split())


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine(TtsSettings())
    await engine.start()
    yield engine
    await engine.stop()


def voice_of(engine: Engine, name: str) -> Voice:
    return next(voice for voice in engine.voices if voice.name == name)


async def speech(engine: Engine, text: str, *said: Pronunciation, voice: str = "es") -> bytes:
    clause = Clause(text, voice_of(engine, voice), pronunciations=said)
    return b"".join([piece async for piece in engine.synthesize(clause)])


@pytest.mark.parametrize(
    ("voice", "words"),
    [
        ("es", ["casa", "hueso", "ni\u00f1o", "chico", "jefe", "calle", "perro", "ciudad"]),
        ("en-us", ["house", "little", "judge", "thing", "measure", "yellow", "which"]),
        ("ca", ["casa", "noia", "fill", "any", "platja"]),
        ("de", ["Haus", "sch\u00f6n", "Vater", "Stadt", "wieder"]),
        ("fr-fr", ["bonjour", "nuit", "vin", "rouge"]),
    ],
)
async def test_what_it_says_itself_can_be_given_back_to_it(voice: str, words: list[str]) -> None:
    known = await phonemes(PROGRAM, voice)
    own = {word: await told(voice, word) for word in words}
    again = {word: await told(voice, f"[[{known.written(said)}]]") for word, said in own.items()}
    assert again == own


@pytest.mark.parametrize(
    ("pronunciation", "said"),
    [
        ("kuber\u02c8netes", "kube\u027en\u02c8etes"),
        ("/t\u0361\u0283a\u02c8ka.\u027ea/", "t\u0283ak\u02c8a\u027ea"),
        ("'gato 'malo", "\u0261\u02c8ato m\u02c8alo"),
    ],
)
async def test_stress_goes_to_its_vowel_and_silent_signs_vanish(pronunciation: str, said: str) -> None:
    known = await phonemes(PROGRAM, "es")
    heard = await told("es", f"[[{known.written(pronunciation.replace('r', chr(0x27E)))}]]")
    assert heard.replace("\u03b2", "b").replace("\u0263", "\u0261") == said


async def test_a_pronounced_word_sounds_different_and_the_rest_as_before(engine: Engine) -> None:
    plain = await speech(engine, "Uso Kubernetes, claro.")
    assert await speech(engine, "Uso Kubernetes, claro.", KUBERNETES) != plain
    assert await speech(engine, "Uso nada, claro.", KUBERNETES) == await speech(engine, "Uso nada, claro.")


@pytest.mark.parametrize("text", ["\u00abKubernetes\u00bb", "(kubernetes).", "Kubernetes", "\u00bfKUBERNETES?"])
async def test_it_is_said_whatever_stands_around_it(engine: Engine, text: str) -> None:
    known = await phonemes(PROGRAM, "es")
    clause = Clause(text, voice_of(engine, "es"), pronunciations=(Pronunciation("Kubernetes", "\u02c8a"),))
    assert known.written("\u02c8a") == "'a"
    assert len(await speech(engine, text, *clause.pronunciations)) < len(await speech(engine, text)) / 2


async def test_a_pronunciation_cannot_smuggle_a_command(engine: Engine) -> None:
    symbols = await engine.symbols("es")
    for hostile in ("]] [[", "<break/>", "\x01", "|", "'", "a]]b"):
        try:
            ipa.symbols_of(hostile, symbols)
        except ipa.UnknownSymbol:
            continue
        assert "]]" not in (await phonemes(PROGRAM, "es")).written(hostile)


async def test_a_variant_has_the_symbols_of_its_voice(engine: Engine) -> None:
    assert await speech(engine, "Kubernetes", KUBERNETES, voice="es+f3")
