"""Whom the speech synthesis stage refuses, and how; and what becomes of a slot."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from mesh.tts.v1 import tts_pb2, tts_pb2_grpc
from services.common.audio.pcm import from_bytes
from services.common.grpc_options import CHANNEL
from services.common.server.lifecycle import running
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from services.tts.silence import QUIET
from tests.mesh.asr import detail_of, field_at_fault, read_out
from tests.mesh.tts import asking, needs_espeak, pcm_of, spoken, stage, until_slots_used


def said(text: str, ipa: str) -> tts_pb2.Pronunciation:
    return tts_pb2.Pronunciation(text=text, ipa=ipa)


@pytest.mark.parametrize(
    ("fields", "name", "accepted"),
    [
        ({"text": ""}, "text", ""),
        ({"text": " \t\0"}, "text", ""),
        ({"text": "a" * 1_001}, "text", "1000"),
        ({"lang": ""}, "lang", "ca, de, en-US, es"),
        ({"lang": "ja"}, "lang", "ca, de, en-US, es"),
        ({"lang": "not a tag"}, "lang", "ca, de, en-US, es"),
        ({"voice": "nobody"}, "voice", "es-1, es-2"),
        ({"voice": "fr-1"}, "voice", "es-1, es-2"),
        ({"speaking_rate": 0.4}, "speaking_rate", "0.5 to 2.0"),
        ({"speaking_rate": 2.5}, "speaking_rate", "0.5 to 2.0"),
        ({"speaking_rate": -1.0}, "speaking_rate", "0.5 to 2.0"),
        ({"speaking_rate": float("nan")}, "speaking_rate", "0.5 to 2.0"),
        ({"pronunciations": [said("hola", "o"), said("?", "o")]}, "pronunciations[1].text", "words of the text"),
        ({"pronunciations": [said("hola", "o\u0298a")]}, "pronunciations[0].ipa", "a, b, d"),
        ({"pronunciations": [said("hola", "")]}, "pronunciations[0].ipa", "a, b, d"),
    ],
)
async def test_a_request_that_cannot_be_is_refused_by_name(fields: dict[str, Any], name: str, accepted: str) -> None:
    async with stage() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await spoken(stub, **{"text": "hola", **fields})
        await until_slots_used(stub, 0)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field_at_fault(refused.value) == name
    assert accepted in (refused.value.details() or "")


async def test_a_full_stage_says_when_to_ask_again() -> None:
    async with stage(slots=1, hang_language="fr") as stub:
        hanging = stub.Synthesize(asking("bonjour", lang="fr"))
        await until_slots_used(stub, 1)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await spoken(stub, "hola")
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert detail_of(refused.value, error_details_pb2.RetryInfo()).retry_delay.ToMilliseconds() > 0
        hanging.cancel()
        await until_slots_used(stub, 0)
        assert await pcm_of(stub, "hola")


async def test_a_clause_that_nobody_reads_is_ended_and_gives_its_slot_back() -> None:
    settings = TtsSettings(engine="scripted", slots=1, drain_seconds=0, unread_seconds=0.3)
    async with (
        running(TtsServicer(settings), settings) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL) as to,
    ):
        stub = tts_pb2_grpc.TtsStub(to)
        unread = stub.Synthesize(asking("word " * 180))
        await until_slots_used(stub, 1)
        await until_slots_used(stub, 0)
        assert await pcm_of(stub, "hola")
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await read_out(unread)
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert detail_of(ended.value, error_details_pb2.ErrorInfo()).reason == "SPEECH_UNREAD"


async def test_a_clause_whose_first_piece_nobody_reads_in_time_is_ended_with_its_status() -> None:
    settings = TtsSettings(engine="scripted", slots=1, drain_seconds=0, unread_seconds=1e-9)
    async with (
        running(TtsServicer(settings), settings) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL) as to,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            async with asyncio.timeout(60):
                await read_out(tts_pb2_grpc.TtsStub(to).Synthesize(asking("hola")))
    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_speech_is_as_long_as_its_text_and_its_rate_say() -> None:
    async with stage(char_ms=50, sample_rate_hertz=8_000) as stub:
        responses = await spoken(stub, "ten chars.")
        assert {response.sample_rate_hertz for response in responses} == {8_000}
        sizes = [len(response.pcm) for response in responses]
        assert (sizes[0], sum(sizes)) == (1_600, 5 * 1_600)  # the first piece leaves at once
        assert len(await pcm_of(stub, "ten chars.", speaking_rate=2.0)) == 4_000
        assert len(await pcm_of(stub, "ten chars.", speaking_rate=0.5)) == 16_000


@needs_espeak
async def test_pauses_last_no_longer_than_they_may_and_nothing_else_changes() -> None:
    text = "Hola, amigos. Adiós. Hola, amigos."
    async with stage("embedded") as stub:
        as_made = await pcm_of(stub, text)
        cut = await pcm_of(stub, text, longest_pause_ms=120)
    audible = [[sample for sample in from_bytes(pcm).tolist() if abs(sample) > QUIET] for pcm in (as_made, cut)]
    assert audible[0] == audible[1]
    assert len(cut) < 0.9 * len(as_made)


async def test_pieces_come_as_they_are_made() -> None:
    loop = asyncio.get_running_loop()
    async with stage(compute_ms=60) as stub:
        began, came = loop.time(), []
        async for _ in stub.Synthesize(asking("a" * 10)):
            came.append(loop.time() - began)
    assert len(came) == 6
    assert came[0] < 0.2
    assert came[-1] - came[0] > 0.25


async def test_voices_sound_different() -> None:
    async with stage() as stub:
        default = await pcm_of(stub, "hola")
        assert await pcm_of(stub, "hola", voice="es-1") == default
        assert await pcm_of(stub, "hola", voice="es-2") != default


async def test_a_region_is_spoken_by_the_nearest_voice() -> None:
    async with stage() as stub:
        assert await pcm_of(stub, "hola", lang="es-MX", voice="es-2")
        assert await pcm_of(stub, "hello", lang="en")


async def test_a_failing_engine_is_told_as_unavailable_and_the_next_call_succeeds() -> None:
    async with stage(fail_first_n=1) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await spoken(stub, "hola")
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        info = detail_of(failed.value, error_details_pb2.ErrorInfo())
        assert (info.reason, info.metadata["stage"]) == ("TTS_ENGINE_FAILED", "TTS")
        assert await pcm_of(stub, "hola")


async def test_it_tells_its_voices_and_slots() -> None:
    async with stage(slots=3, languages=["es", "ca"], voices=1) as stub:
        told = await stub.Describe(tts_pb2.DescribeRequest())
    assert [(voice.name, voice.lang) for voice in told.voices] == [("es-1", "es"), ("ca-1", "ca")]
    assert (told.engine, told.slots_total, told.slots_used) == ("scripted", 3, 0)
