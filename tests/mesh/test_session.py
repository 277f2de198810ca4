"""A session as a client sees it, on scripted engines over real gRPC."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

import grpc
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.checks import check
from tests.mesh.mesh import (
    UTTERANCE,
    Heard,
    audio,
    chunks,
    control,
    gateway,
    hello,
    loud,
    quiet,
    read_into,
    talk,
    text,
)


async def test_one_recognition_becomes_text_and_speech_in_every_target() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es", "fr"), *chunks(UTTERANCE * 3))
    check(heard)
    assert heard.fault is None
    assert len(heard.transcripts()) == 3
    for lang in ("es", "fr"):
        assert len(heard.finals(lang)) == 3
        said = " ".join(chunk.text for chunk in heard.speech(lang) if chunk.text)
        assert said == " ".join(heard.finals(lang))
    assert [end.target_lang for end in heard.of("end")][-1] == ""
    assert sorted(end.target_lang for end in heard.of("end")) == ["", "es", "fr"]


async def test_the_translation_starts_while_the_speaker_is_still_speaking() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es"), *chunks(loud(5) + quiet(1)))
    kinds = [each.WhichOneof("payload") for each in heard.messages]
    final = next(index for index, each in enumerate(heard.messages) if each.HasField("asr") and each.asr.final)
    assert "translation" in kinds[:final]
    check(heard)


async def test_a_client_that_wants_no_partial_results_gets_none() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es", partial_results=False), *chunks(UTTERANCE))
    assert [result.final for result in heard.of("asr")] == [True]
    assert [result.final for result in heard.of("translation")] == [True]
    assert heard.speech("es")


async def test_the_oldest_clients_still_find_their_fields() -> None:
    """Source, target and partial results in hello; format and rate in each chunk; nothing else known."""
    first = pb.ClientMessage(hello=pb.SessionConfig(source_lang="en", target_lang="es", partial_results=True))
    spoken = [audio(message.audio.data, format="pcm16le", sample_rate=16_000) for message in chunks(UTTERANCE)]
    async with gateway() as stub:
        heard = await talk(stub, first, *spoken)
    check(heard)
    assert len(heard.finals("es")) == 1
    assert all(chunk.format == "pcm16le" for chunk in heard.speech("es"))


@pytest.mark.parametrize(
    ("delivery", "captions", "speech"),
    [(pb.DELIVERY_CAPTIONS, True, False), (pb.DELIVERY_SPEECH, False, True), (pb.DELIVERY_UNSPECIFIED, True, True)],
)
async def test_a_target_gets_what_was_asked_for(delivery: pb.Delivery.ValueType, captions: bool, speech: bool) -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello(pb.Target(lang="es", delivery=delivery)), *chunks(UTTERANCE))
    assert bool(heard.of("translation")) == captions
    assert bool(heard.speech("es")) == speech
    assert [latency.target_lang for latency in heard.of("latency")] == ["es"]


async def test_ready_tells_every_default_that_is_in_force() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es-MX"))
    (ready,) = heard.of("ready")
    assert ready.config.source_lang == "en-US"
    assert ready.config.targets[0].lang == "es"
    assert ready.config.targets[0].voice
    assert ready.config.endpointing.trailing_silence_ms > 0
    assert ready.config.output.sample_rate > 0
    assert ready.limits.max_backlog_ms > 0


async def test_typed_text_is_translated_as_it_is_typed_and_needs_no_recognizer() -> None:
    async with gateway(asr={"fail_after_ms": 1}) as stub:
        typed = [text("good "), text("morning to "), text("everyone here", final=True), text("second")]
        request = hello("es")
        request.hello.ClearField("input")
        heard = await talk(stub, request, *typed)
    check(heard)
    assert heard.transcripts() == ["good morning to everyone here", "second"]
    assert len(heard.finals("es")) == 2
    assert heard.fault is None


async def test_speech_and_typed_text_share_one_series_of_segments() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es"), text("typed first", final=True), *chunks(UTTERANCE * 2))
    check(heard)
    assert [result.segment_id for result in heard.of("asr") if result.final] == [1, 2, 3]


async def test_commit_ends_the_open_segment() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es"), *chunks(loud(2)), control("commit"), *chunks(loud(2)))
    check(heard)
    assert len(heard.transcripts()) == 2


async def test_nothing_is_heard_in_a_pause_and_the_clock_goes_on() -> None:
    async with gateway() as stub:
        paused = [control("pause"), *chunks(loud(10)), control("resume")]
        heard = await talk(stub, hello("es"), *chunks(UTTERANCE), *paused, *chunks(UTTERANCE))
    check(heard)
    first, second = [result for result in heard.of("asr") if result.final]
    assert first.end_ms < 3000
    assert second.start_ms >= 12_500


async def test_a_ping_comes_back_behind_all_that_was_said_before_it() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es", "fr"), *chunks(UTTERANCE), control("ping", marker="here"), text("x"))
    kinds = [each.WhichOneof("payload") for each in heard.messages]
    marker = kinds.index("marker")
    assert heard.messages[marker].marker.marker == "here"
    assert {each.latency.target_lang for each in heard.messages[:marker] if each.HasField("latency")} == {"es", "fr"}


async def test_targets_come_and_go_while_the_session_lives() -> None:
    async with gateway() as stub:
        call: Any = stub.Stream()
        heard = Heard()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            for message in [hello("es"), *chunks(UTTERANCE), control("ping", marker="1")]:
                await call.write(message)
            await heard.until("marker", 1)
            await call.write(control("set_target_lang", targets=[pb.Target(lang="fr")]))
            for message in [*chunks(UTTERANCE), control("ping", marker="2")]:
                await call.write(message)
            await heard.until("marker", 2)
            await call.done_writing()
    check(heard)
    assert (len(heard.finals("es")), len(heard.finals("fr"))) == (1, 1)
    assert [end.target_lang for end in heard.of("end")] == ["es", "fr", ""]


async def test_an_interruption_drops_the_speech_and_nothing_else() -> None:
    async with gateway(tts={"compute_ms": 100}) as stub:
        call: Any = stub.Stream()
        heard = Heard()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            for message in [hello("es"), *chunks(loud(3) + quiet(1))]:
                await call.write(message)
            await heard.until("tts", 2)
            await call.write(control("interrupt"))
            for message in chunks(UTTERANCE):
                await call.write(message)
            await call.done_writing()
    check(heard, interrupted=True)
    assert len(heard.finals("es")) == 2
    said = " ".join(chunk.text for chunk in heard.speech("es") if chunk.text)
    first, second = heard.finals("es")
    assert not said.startswith(first)
    assert said.endswith(second)
    assert len(heard.of("latency")) == 2


async def test_missing_audio_is_reported_and_repeated_audio_is_not_heard_twice() -> None:
    async with gateway() as stub:
        spoken = chunks(UTTERANCE)
        repeated = audio(UTTERANCE[:9600], offset_samples=0)
        later = audio(loud(2), offset_samples=160_000)
        heard = await talk(stub, hello("es"), *spoken, repeated, later)
    check(heard)
    (gap,) = [gap for flow in heard.of("flow") for gap in flow.gaps]
    assert (gap.from_ms, gap.to_ms, gap.reason) == (3000, 10_000, pb.GAP_REASON_MISSING_AUDIO)
    first, second = [result for result in heard.of("asr") if result.final]
    assert second.start_ms >= 9_500
    assert first.end_ms <= 3_000


async def test_offsets_hold_through_a_minute_of_silence() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es"), *chunks(quiet(60) + UTTERANCE, seconds=1))
    check(heard)
    (result,) = [result for result in heard.of("asr") if result.final]
    assert result.start_ms == pytest.approx(60_000, abs=350)  # the pre-roll starts it a little early
    assert heard.of("ack")[-1].finalized_offset_ms >= 62_000


async def test_sessions_side_by_side_hear_only_their_own() -> None:
    async with gateway(slots=8, mt={"compute_ms": 2}, asr={"compute_ms": 1}) as stub:
        async with asyncio.TaskGroup() as tasks:
            talks = [
                tasks.create_task(talk(stub, hello("es", "fr"), *chunks(loud(1 + length) + quiet(1))))
                for length in range(8)
            ]
        alone = [await talk(stub, hello("es", "fr"), *chunks(loud(1 + length) + quiet(1))) for length in range(8)]
    for together, single in zip([done.result() for done in talks], alone, strict=True):
        check(together)
        assert together.transcripts() == single.transcripts()
        assert together.finals("fr") == single.finals("fr")


async def test_text_is_translated_without_a_session() -> None:
    async with gateway() as stub:
        request = pb.TranslateTextRequest(text="hello there", source_lang="en-US", target_langs=["fr", "es"])
        response = await stub.TranslateText(request)
    assert [each.target_lang for each in response.translations] == ["fr", "es"]
    assert all(each.text for each in response.translations)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (pb.TranslateTextRequest(source_lang="en", target_langs=["es"]), grpc.StatusCode.INVALID_ARGUMENT),
        (pb.TranslateTextRequest(text="x", source_lang="en"), grpc.StatusCode.INVALID_ARGUMENT),
        (pb.TranslateTextRequest(text="x", source_lang="tlh", target_langs=["es"]), grpc.StatusCode.INVALID_ARGUMENT),
        (
            pb.TranslateTextRequest(text="x", source_lang="en", target_langs=["es"], formality=pb.FORMALITY_FORMAL),
            grpc.StatusCode.UNIMPLEMENTED,
        ),
    ],
)
async def test_text_that_cannot_be_translated_is_refused(
    request_: pb.TranslateTextRequest, code: grpc.StatusCode
) -> None:
    async with gateway() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as status:
            await stub.TranslateText(request_)
    assert status.value.code() is code


async def test_describe_lists_what_hello_accepts() -> None:
    async with gateway() as stub:
        described = await stub.Describe(pb.DescribeRequest())
        target = next(pair.target_lang for pair in described.pairs if pair.source_lang == "en")
        voice = next(voice for voice in described.voices if voice.lang == target)
        heard = await talk(stub, hello(pb.Target(lang=target, voice=voice.name)))
    assert heard.fault is None
    assert {engine.stage for engine in described.engines} == {pb.STAGE_ASR, pb.STAGE_MT, pb.STAGE_TTS}
    assert described.server_version == version("babelmesh")
