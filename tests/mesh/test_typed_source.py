"""Typed text needs a translator alone: its language need not be recognized."""

from __future__ import annotations

from babelmesh.client.events import AsrResult, AudioFormat, SessionConfig, Target, TranslationResult
from babelmesh.client.lines import given
from babelmesh.client.mesh import connect
from tests.mesh.mesh import audio, gateway, gateway_address, hello, talk, text

CATALAN = {"source": "ca", "targets": ["es", "pt"]}  # the scripted recognizer does not know it
TYPED = text("bon dia", final=True)


async def test_text_is_translated_from_a_language_that_is_not_recognized() -> None:
    async with gateway(mt=CATALAN) as stub:
        heard = await talk(stub, hello("es", source_lang="ca-ES", input=None), TYPED)
    assert heard.fault is None
    assert heard.transcripts() == ["bon dia"]
    assert len(heard.finals("es")) == 1


async def test_audio_in_it_is_refused_at_the_door() -> None:
    async with gateway(mt=CATALAN) as stub:
        heard = await talk(stub, hello("es", source_lang="ca"), TYPED)
    assert (heard.error().code, heard.error().field) == ("UNKNOWN_LANGUAGE", "hello.source_lang")
    assert list(heard.error().accepted) == ["en-US", "es-ES"]


async def test_audio_that_comes_all_the_same_is_refused_by_name_and_the_text_before_it_is_kept() -> None:
    sound = audio(bytes(3200), format="pcm16le", sample_rate=16_000)
    async with gateway(mt=CATALAN) as stub:
        heard = await talk(stub, hello("es", source_lang="ca", input=None), TYPED, sound)
    assert (heard.error().code, heard.error().field) == ("NOT_RECOGNIZED", "audio")
    assert list(heard.error().accepted) == ["text"]
    assert heard.transcripts() == ["bon dia"]


async def test_a_language_that_nobody_knows_is_refused_with_all_that_can_be_typed() -> None:
    async with gateway(mt=CATALAN) as stub:
        heard = await talk(stub, hello("es", source_lang="oc", input=None), TYPED)
    assert (heard.error().code, heard.error().field) == ("UNKNOWN_LANGUAGE", "hello.source_lang")
    assert list(heard.error().accepted) == ["ca", "en-US", "es-ES"]


async def test_a_line_too_long_is_split_and_those_before_and_after_it_are_translated() -> None:
    long = "one two three. four five six"
    async with (
        gateway_address(max_text_length=20) as address,
        connect(address) as mesh,
        mesh.session("en", ["es"]) as own,
    ):
        events = [event async for event in own.translate(given(["before", long, "after"]))]
    typed = [each.text for each in events if isinstance(each, AsrResult) and each.final]
    assert typed == ["before", "one two three.", "four five six", "after"]
    assert len([each for each in events if isinstance(each, TranslationResult) and each.final]) == len(typed)


async def test_a_client_that_only_types_asks_for_no_recognizer() -> None:
    config = SessionConfig(source_lang="ca", targets=[Target(lang="es")], input=AudioFormat())
    async with gateway_address(mt=CATALAN) as address, connect(address) as mesh, mesh.session(config=config) as session:
        await session.send_text("bon dia", final=True)
        await session.end()
        finals = [each for each in [event async for event in session] if isinstance(each, TranslationResult)]
    assert finals[-1].final
