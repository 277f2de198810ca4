"""The voices of espeak-ng, and what it must not read as a command."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.common.text import languages
from services.tts.engine import Clause
from services.tts.engines.embedded.engine import Engine
from services.tts.settings import TtsSettings
from tests.mesh.tts import needs_espeak

pytestmark = needs_espeak


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine(TtsSettings())
    await engine.start()
    yield engine
    await engine.stop()


async def speech(engine: Engine, text: str, name: str) -> bytes:
    voice = next(voice for voice in engine.voices if voice.name == name)
    return b"".join([piece async for piece in engine.synthesize(Clause(text, voice))])


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [("es", "es"), ("es-MX", "es-419"), ("ca", "ca"), ("en", "en-US"), ("pt-BR", "pt-BR"), ("zh", "cmn"), ("no", "nb")],
)
async def test_a_language_finds_its_voice(engine: Engine, asked: str, spoken: str) -> None:
    assert languages.resolve(asked, [voice.language for voice in engine.voices]) == spoken


async def test_a_language_is_first_spoken_by_its_plain_voice(engine: Engine) -> None:
    spanish = [voice.name for voice in engine.voices if voice.language == "es"]
    assert spanish == ["es", "es+f3", "es+m3"]


async def test_variants_that_are_not_installed_are_not_listed() -> None:
    engine = Engine(TtsSettings.model_validate({"embedded": {"variants": ["nobody", "f2"]}}))
    await engine.start()
    assert [voice.name for voice in engine.voices if voice.language == "es"] == ["es", "es+f2"]


async def test_variants_sound_different(engine: Engine) -> None:
    assert len({await speech(engine, "hola", name) for name in ("es", "es+f3", "es+m3")}) == 3


async def test_markup_is_read_out_not_obeyed(engine: Engine) -> None:
    plain = len(await speech(engine, "hello", "en-us"))
    assert len(await speech(engine, "<break time='9s'/>hello", "en-us")) > plain
    assert await speech(engine, "[[h@l'oU]]", "en-us") != await speech(engine, "hello", "en-us")
    assert await speech(engine, "hello\x0130S there", "en-us") != await speech(engine, "hello there", "en-us")
