"""The Riva synthesizer, against what Riva servers do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest

from services.common.audio.pcm import from_bytes
from services.common.errors import AtCapacity, StageFailed
from services.tts.engine import Clause, Pronunciation, Voice
from services.tts.engines.riva.engine import Engine
from services.tts.settings import TtsSettings
from tests.contract.fake_riva import CHAR_MS, Riva, serving

TEXT = "Hola a todos, amigos."
TODOS = Pronunciation("todos", "\u02c8to\u00f0os")


@asynccontextmanager
async def engine_on(riva: Riva, unary_requests: bool = False, **settings: Any) -> AsyncIterator[Engine]:
    async with serving(riva, unary_requests=unary_requests) as endpoint:
        engine = Engine(TtsSettings.model_validate({"riva": {"endpoint": endpoint, **settings}}))
        try:
            await engine.start()
            yield engine
        finally:
            await engine.stop()


async def spoken(engine: Engine, text: str = TEXT, rate: float = 1.0, *said: Pronunciation) -> bytes:
    clause = Clause(text, engine.voices[0], rate, said)
    return b"".join([piece async for piece in engine.synthesize(clause)])


def seconds(engine: Engine, pcm: bytes) -> float:
    return len(pcm) / 2 / engine.sample_rate_hertz


@pytest.mark.parametrize("unary_requests", [False, True])
async def test_servers_with_a_stream_of_requests_and_with_one_are_spoken_to_alike(unary_requests: bool) -> None:
    riva = Riva()
    async with engine_on(riva, unary_requests) as engine:
        assert seconds(engine, await spoken(engine)) == pytest.approx(len(TEXT) * CHAR_MS / 1000, abs=0.01)
        assert await spoken(engine)
    assert [request.text for request in riva.requests] == [TEXT, TEXT]


async def test_voices_have_their_own_language_and_those_of_many_are_listed_for_each() -> None:
    riva = Riva(voice_languages="en-US,es-US", subvoices="EN-US.Aria:0,ES-US.Isabela:1,ES-US.Isabela.Calm:2,Leo:3")
    async with engine_on(riva) as engine:
        assert engine.voices == (
            Voice("Magpie.EN-US.Aria", "en-US"),
            Voice("Magpie.ES-US.Isabela", "es-US"),
            Voice("Magpie.ES-US.Isabela.Calm", "es-US"),
            Voice("Magpie.Leo/en-US", "en-US"),
            Voice("Magpie.Leo/es-US", "es-US"),
        )
        clause = Clause(TEXT, engine.voices[-1])
        assert [piece async for piece in engine.synthesize(clause)]
    (request,) = riva.requests
    assert (request.voice_name, request.language_code) == ("Magpie.Leo", "es-US")


async def test_a_model_without_voices_of_its_own_is_one_voice() -> None:
    async with engine_on(Riva(subvoices="")) as engine:
        assert engine.voices == (Voice("Magpie", "es"),)


async def test_the_sample_rate_is_the_one_riva_is_asked_for() -> None:
    riva = Riva()
    async with engine_on(riva, sample_rate_hertz=44_100) as engine:
        assert seconds(engine, await spoken(engine)) == pytest.approx(len(TEXT) * CHAR_MS / 1000, abs=0.01)
    assert riva.requests[0].sample_rate_hz == 44_100


async def test_samples_that_are_cut_between_two_pieces_are_put_together() -> None:
    async with engine_on(Riva()) as engine:
        whole = await spoken(engine)
    async with engine_on(Riva(extra_bytes=1)) as engine:
        assert await spoken(engine) == whole


@pytest.mark.parametrize(
    ("rate", "asked"), [("stretch", TEXT), ("ssml", f'<speak><prosody rate="150%">{TEXT}</prosody></speak>')]
)
async def test_a_faster_voice_is_as_fast_whoever_makes_it_so(rate: str, asked: str) -> None:
    riva = Riva()
    async with engine_on(riva, rate=rate) as engine:
        slow, fast = await spoken(engine, TEXT * 3), await spoken(engine, TEXT, 1.5)
        assert len(slow) / 3 / len(fast) == pytest.approx(1.5, rel=0.05)
    assert riva.requests[1].text == asked


async def test_a_stretched_voice_keeps_its_pitch() -> None:
    async with engine_on(Riva()) as engine:
        pcm = from_bytes(await spoken(engine, TEXT, 1.3))
        spectrum = np.abs(np.fft.rfft(pcm[:22_050]))
        assert abs(int(spectrum.argmax()) * engine.sample_rate_hertz / len(pcm[:22_050]) - 220) < 5


async def test_pronunciations_are_a_dictionary_of_the_words_as_they_stand_in_the_text() -> None:
    riva = Riva()
    async with engine_on(riva) as engine:
        assert engine.pronounces
        await spoken(engine, "Todos en Nueva York.", 1.0, TODOS, Pronunciation("nueva york", "nu\u02c8eba jork"))
        await spoken(engine)
    assert riva.requests[0].custom_dictionary == "Todos  \u02c8to\u00f0os,Nueva  nu\u02c8eba,York  jork"
    assert riva.requests[0].text == "Todos en Nueva York."
    assert not riva.requests[1].custom_dictionary


async def test_words_said_as_one_become_one_word_of_the_dictionary() -> None:
    riva = Riva()
    said = (Pronunciation("nueva york", "njujork"), Pronunciation("C++", "seplu\u02c8s"), Pronunciation("l'or", "lor"))
    async with engine_on(riva) as engine:
        await spoken(engine, "En Nueva York, l'or.", 1.0, *said)
    assert riva.requests[0].text == "En NuevaYork, lor."
    assert riva.requests[0].custom_dictionary == "NuevaYork  njujork,lor  lor"


async def test_pronunciations_are_phonemes_in_ssml_where_the_model_reads_that() -> None:
    riva = Riva()
    async with engine_on(riva, pronunciations="ssml") as engine:
        await spoken(engine, "A & B: Nueva York", 1.0, Pronunciation("nueva york", "nju\u02c8jork"))
        await spoken(engine, "A & B")
    assert riva.requests[0].text == (
        '<speak>A &amp; B: <phoneme alphabet="ipa" ph="nju\u02c8jork">Nueva York</phoneme></speak>'
    )
    assert riva.requests[1].text == "A & B"


async def test_a_model_without_pronunciations_takes_none() -> None:
    async with engine_on(Riva(), pronunciations="none") as engine:
        assert not engine.pronounces
        assert not await engine.symbols("es")


async def test_the_symbols_of_a_model_can_be_told() -> None:
    async with engine_on(Riva(), symbols=["a", "tʃ"]) as engine:
        assert await engine.symbols("es") == ("a", "tʃ")


async def test_a_users_text_is_never_read_as_ssml() -> None:
    riva = Riva()
    async with engine_on(riva) as engine:
        await spoken(engine, "<speak>hola</speak>")
    assert riva.requests[0].text == "speak hola /speak"


async def test_a_full_server_is_told_as_full_and_a_broken_one_as_broken() -> None:
    riva = Riva(refuses=grpc.StatusCode.RESOURCE_EXHAUSTED)
    async with engine_on(riva) as engine:
        with pytest.raises(AtCapacity):
            await spoken(engine)
        riva.refuses = grpc.StatusCode.INTERNAL
        with pytest.raises(StageFailed, match="INTERNAL"):
            await spoken(engine)
        riva.refuses = None
        assert await spoken(engine)


async def test_a_server_that_says_nothing_fails_the_clause_in_time() -> None:
    async with engine_on(Riva(hangs=True), reply_seconds=0.2) as engine:
        async with asyncio.timeout(engine.patience_seconds):
            with pytest.raises(StageFailed):
                await spoken(engine)


async def test_a_clause_nobody_hears_to_its_end_is_ended_on_the_server() -> None:
    riva = Riva()
    async with engine_on(riva) as engine:
        async with aclosing(engine.synthesize(Clause(TEXT * 200, engine.voices[0]))) as pieces:
            assert await anext(pieces)
        async with asyncio.timeout(60):
            await riva.quit.wait()
