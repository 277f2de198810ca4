"""The Riva recognizer, against what Riva servers do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from typing import Any

import grpc
import numpy as np
import pytest

from services.asr.engine import Endpoint, Heard, Hypothesis, PrefixRules, Speech, Terms
from services.asr.engines.riva.engine import Engine
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.errors import AtCapacity, MeshError, StageFailed
from tests.contract.fake_riva import SCRIPT, Riva, serving
from tests.mesh.asr import loud

CHUNK_SAMPLES = 1600


def speech(milliseconds: int) -> Pcm:
    return np.frombuffer(loud(milliseconds), np.int16)


@asynccontextmanager
async def engine_on(riva: Riva, **settings: Any) -> AsyncIterator[Engine]:
    async with serving(riva) as endpoint:
        engine = Engine(AsrSettings.model_validate({"riva": {"endpoint": endpoint, **settings}}))
        try:
            await engine.start()
            yield engine
        finally:
            await engine.stop()


async def items(*segments: Pcm) -> AsyncIterator[Heard]:
    offset_samples = 0
    for segment in segments:
        for start in range(0, len(segment), CHUNK_SAMPLES):
            yield Speech(segment[start : start + CHUNK_SAMPLES], offset_samples + start)
        yield Endpoint()
        offset_samples += len(segment)


async def heard(engine: Engine, *segments: Pcm) -> list[Hypothesis]:
    return [guess async for guess in engine.recognize(items(*segments), "en-US")]


async def failure(engine: Engine, milliseconds: int = 2_000) -> MeshError:
    with pytest.raises(MeshError) as raised:
        await heard(engine, speech(milliseconds))
    return raised.value


def texts(count: int) -> list[str]:
    return list(SCRIPT[:count])


async def test_each_segment_is_one_call_with_what_it_takes_to_hear_words_and_their_places() -> None:
    riva = Riva()
    async with engine_on(riva) as engine:
        guesses = await heard(engine, speech(1_300), speech(700))
    assert [guess.text.split() for guess in guesses if guess.final] == [texts(4), texts(2)]
    assert len(riva.requests) == 2
    config = riva.requests[0].config
    assert riva.requests[0].interim_results
    assert (config.language_code, config.sample_rate_hertz, config.audio_channel_count) == ("en-US", ASR_RATE, 1)
    assert config.enable_word_time_offsets
    assert not config.HasField("endpointing_config")


async def test_finals_have_the_places_and_confidences_riva_tells() -> None:
    async with engine_on(Riva()) as engine:
        *_, final = await heard(engine, speech(700))
    places = [(word.start_samples, word.end_samples, word.confidence) for word in final.words]
    assert places == [(0, 4_800, 0.75), (4_800, 9_600, 0.75)]


async def test_words_without_places_are_laid_over_the_audio_in_order() -> None:
    async with engine_on(Riva(told_words=False)) as engine:
        *_, final = await heard(engine, speech(1_300))
    assert [word.text for word in final.words] == texts(4)
    assert all(one.end_samples <= other.start_samples for one, other in pairwise(final.words))
    assert final.words[-1].end_samples <= len(speech(1_300))
    assert not any(word.confidence for word in final.words)


async def test_utterances_riva_ends_inside_a_segment_are_joined() -> None:
    async with engine_on(Riva(endpoint_words=2), lead_ms=100) as engine:
        guesses = await heard(engine, speech(2_200))
    assert [guess.final for guess in guesses].count(True) == 1
    assert guesses[-1].text.split() == texts(7)
    assert [word.end_samples for word in guesses[-1].words] == [4_800 * count for count in range(1, 8)]
    lengths = [len(guess.words) for guess in guesses]
    assert lengths == sorted(lengths)
    assert guesses[-2].stable_words == 6  # what Riva has finished it does not change


async def test_what_riva_never_finished_is_not_lost() -> None:
    async with engine_on(Riva(finals=False)) as engine:
        *_, final = await heard(engine, speech(1_300))
    assert final.final
    assert final.text.split() == texts(4)


async def test_a_segment_in_which_riva_hears_nothing_has_an_empty_final() -> None:
    async with engine_on(Riva()) as engine:
        guesses = await heard(engine, np.zeros(16_000, np.int16), speech(700))
    assert [guess.text.split() for guess in guesses if guess.final] == [[], texts(2)]
    assert all(guess.words or guess.final for guess in guesses)


async def test_the_stable_part_of_an_interim_result_is_told_as_such() -> None:
    async with engine_on(Riva(two_parts=True), trust_stability=True, lead_ms=100) as engine:
        guesses = await heard(engine, speech(1_300))
        assert set(engine.prefixes.values()) == {PrefixRules(engine_told=True)}
    interims = [guess for guess in guesses if not guess.final]
    assert interims[-1].text.split() == texts(4)
    assert [guess.stable_words for guess in interims] == [len(guess.words) - 1 for guess in interims]
    assert all(guess.stability == pytest.approx(0.1) for guess in interims)


async def test_terms_are_boosted_from_the_next_segment_on() -> None:
    riva = Riva()

    async def asked() -> AsyncIterator[Heard]:
        yield Terms(("Babelmesh", "half-close"))
        async for item in items(speech(700)):
            yield item
        yield Terms(())
        async for item in items(speech(700)):
            yield item

    async with engine_on(riva, boost=15) as engine:
        assert engine.biased
        assert len([guess async for guess in engine.recognize(asked(), "en-US") if guess.final]) == 2
    (context,) = riva.requests[0].config.speech_contexts
    assert list(context.phrases) == ["Babelmesh", "half-close"]
    assert context.boost == 15
    assert not riva.requests[1].config.speech_contexts


async def test_without_a_boost_the_engine_takes_no_terms() -> None:
    async with engine_on(Riva(), boost=0) as engine:
        assert not engine.biased


async def test_settings_reach_the_server() -> None:
    riva = Riva()
    endpointing = {"stop_history_ms": 1_200, "stop_threshold": 0.5, "start_history_ms": 300}
    told = {"model": "parakeet", "punctuation": True, "profanity_filter": True, "verbatim": False}
    async with engine_on(riva, endpointing=endpointing, **told) as engine:
        await heard(engine, speech(700))
        assert engine.written
    config = riva.requests[0].config
    assert (config.model, config.enable_automatic_punctuation) == ("parakeet", True)
    assert (config.profanity_filter, config.verbatim_transcripts) == (True, False)
    assert config.endpointing_config.stop_history == 1_200
    assert config.endpointing_config.stop_threshold == 0.5
    assert config.endpointing_config.start_history == 300
    assert not config.endpointing_config.HasField("stop_history_eou")


async def test_languages_are_those_of_streaming_models_as_bcp_47_writes_them() -> None:
    riva = Riva(languages="EN-us, es-US,multi")
    async with engine_on(riva) as engine:
        assert engine.languages == ("en-US", "es-US")
        assert engine.version == "parakeet"
        await heard(engine, speech(400))
    assert riva.requests[0].config.language_code == "EN-us"


async def test_languages_can_be_told_where_the_server_names_none() -> None:
    async with engine_on(Riva(languages="multi"), languages=["de-DE"]) as engine:
        assert engine.languages == ("de-DE",)
    with pytest.raises(ValueError, match="'multi' is no tag"):
        AsrSettings.model_validate({"riva": {"languages": ["multi"]}})


async def test_a_server_without_a_streaming_model_is_told_of_when_the_stage_starts() -> None:
    with pytest.raises(StageFailed, match="ASR_RIVA__MODEL"):
        async with engine_on(Riva(languages="multi")):
            pass


async def test_audio_is_sent_no_faster_than_real_time_and_a_lead_where_riva_does_not_tell_what_it_is_through() -> None:
    riva = Riva(watermark=False)
    async with engine_on(riva, lead_ms=300) as engine:
        await heard(engine, speech(1_000))
    opened = riva.arrivals[0][0]
    leads = [samples / ASR_RATE - (when - opened) for when, samples in riva.arrivals]
    assert max(leads) < 0.3 + 2 * CHUNK_SAMPLES / ASR_RATE


async def test_a_server_that_tells_what_it_is_through_is_given_audio_as_fast_as_it_is() -> None:
    began = asyncio.get_running_loop().time()
    async with engine_on(Riva(), lead_ms=300) as engine:
        *_, final = await heard(engine, speech(9_000))
    assert len(final.words) == 30
    assert asyncio.get_running_loop().time() - began < 9


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.OK],
)
async def test_a_call_that_breaks_ends_the_session_not_the_engine(code: grpc.StatusCode) -> None:
    riva = Riva(ends_after_words=3, ends_with=code)
    async with engine_on(riva) as engine:
        fault = await failure(engine, 9_000)
        assert isinstance(fault, StageFailed)
        assert fault.code == "ASR_ENGINE_FAILED"
        assert len(riva.requests) == 1
        assert fault.retry_after_ms
        assert "the words of a user" not in str(fault)
        riva.ends_after_words = 0
        assert len(await heard(engine, speech(700)))


async def test_a_full_server_is_told_as_full() -> None:
    async with engine_on(Riva(refuses=grpc.StatusCode.RESOURCE_EXHAUSTED)) as engine:
        fault = await failure(engine)
    assert isinstance(fault, AtCapacity)
    assert fault.retry_after_ms


async def test_a_server_that_answers_nothing_fails_the_session_before_the_process_is_taken_for_stuck() -> None:
    async with engine_on(Riva(hangs=True), reply_seconds=0.2) as engine:
        async with asyncio.timeout(engine.patience_seconds):
            fault = await failure(engine, 400)
    assert isinstance(fault, StageFailed)


async def test_closing_a_session_ends_its_call_on_the_server() -> None:
    riva = Riva()
    async with engine_on(riva) as engine:
        async with aclosing(engine.recognize(items(speech(3_000)), "en-US")) as guesses:
            assert not (await anext(guesses)).final
            assert riva.running == 1
        async with asyncio.timeout(60):
            await riva.quit.wait()


async def test_cancelling_a_session_ends_its_call_on_the_server() -> None:
    riva = Riva()

    async def endless() -> AsyncIterator[Heard]:
        yield Speech(speech(400), 0)
        await asyncio.Event().wait()

    async def consume(engine: Engine) -> None:
        async with aclosing(engine.recognize(endless(), "en-US")) as guesses:
            async for _ in guesses:
                pass

    async with engine_on(riva) as engine, asyncio.TaskGroup() as tasks:
        session = tasks.create_task(consume(engine))
        async with asyncio.timeout(60):
            await riva.asked.wait()
            session.cancel()
            await riva.quit.wait()
