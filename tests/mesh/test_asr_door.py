"""Whom the recognition stage refuses, and how; and what becomes of a slot."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from mesh.asr.v1 import asr_pb2
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.server.lifecycle import running
from services.common.server.slots import ADMITTED
from tests.mesh.asr import Session, detail_of, field_at_fault, finals, loud, read_out, serving, session, silence, stage


async def test_a_full_stage_refuses_on_the_first_message_and_says_when_to_ask_again() -> None:
    async with stage(slots=1) as stub:
        first = Session(stub.Recognize())
        await first.configure()
        await first.call.initial_metadata()
        second = Session(stub.Recognize())
        await second.configure()
        error = await second.status()
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert detail_of(error, error_details_pb2.RetryInfo()).retry_delay.ToMilliseconds() > 0
        await first.rest()


async def test_admission_is_told_before_any_audio_is_sent() -> None:
    async with stage() as stub:
        opened = Session(stub.Recognize())
        await opened.configure()
        assert ADMITTED in await asyncio.wait_for(opened.call.initial_metadata(), 60)
        await opened.rest()


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"lang": "xx-nowhere"}, "config.lang"),
        ({"lang": ""}, "config.lang"),
        ({"lang": "ja"}, "config.lang"),
        ({"trailing_silence_ms": 1}, "config.trailing_silence_ms"),
        ({"max_segment_ms": 3_600_000}, "config.max_segment_ms"),
        ({"agreement": 1000}, "config.agreement"),
        ({"stabilization": 9}, "config.stabilization"),
        ({"langs": ["en-US", "ja"]}, "config.langs[1]"),
        ({"langs": ["en-US", "es-ES"]}, "config.langs"),
        ({"lang": "en-US", "langs": ["es-ES"]}, "config.lang"),
        ({"first_lang": "es-ES"}, "config.first_lang"),
    ],
)
async def test_a_config_that_cannot_be_is_refused_by_name(config: dict[str, Any], name: str) -> None:
    async with stage() as stub:
        opened = Session(stub.Recognize())
        await opened.configure(**config)
        error = await opened.status()
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field_at_fault(error) == name


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (asr_pb2.RecognizeRequest(audio=asr_pb2.AudioChunk(pcm=b"abc", offset_samples=1600)), "audio.pcm"),
        (asr_pb2.RecognizeRequest(audio=asr_pb2.AudioChunk(pcm=b"ab", offset_samples=1599)), "audio.offset_samples"),
        (asr_pb2.RecognizeRequest(config=asr_pb2.RecognizeConfig(lang="en")), "config"),
        (asr_pb2.RecognizeRequest(), "payload"),
    ],
)
async def test_a_message_that_cannot_be_is_refused_by_name(request_: asr_pb2.RecognizeRequest, name: str) -> None:
    async with stage() as stub:
        opened = Session(stub.Recognize())
        await opened.configure()
        await opened.audio(silence(100))
        await opened.call.write(request_)
        error = await opened.status()
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field_at_fault(error) == name


@pytest.mark.parametrize("first", [None, asr_pb2.RecognizeRequest(commit=asr_pb2.Commit())])
async def test_a_session_without_a_config_is_refused(first: asr_pb2.RecognizeRequest | None) -> None:
    async with stage() as stub:
        opened = Session(stub.Recognize())
        if first is None:
            await opened.call.done_writing()
        else:
            await opened.call.write(first)
        error = await opened.status()
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field_at_fault(error) == "config"


async def test_a_cancelled_session_gives_its_slot_back() -> None:
    async with stage(slots=1) as stub:
        opened = Session(stub.Recognize())
        await opened.configure()
        await opened.audio(loud(1000))
        await opened.until("result")
        assert (await stub.Describe(asr_pb2.DescribeRequest())).slots_used == 1
        opened.call.cancel()
        while (await stub.Describe(asr_pb2.DescribeRequest())).slots_used:
            pass
        assert finals(await session(stub, loud(1000)))


async def test_a_call_that_nobody_feeds_is_ended_and_gives_its_slot_back() -> None:
    settings = AsrSettings(engine="scripted", vad="energy", slots=1, drain_seconds=0, unfed_seconds=0.2)
    async with serving(settings) as stub:
        opened = Session(stub.Recognize())
        with suppress(grpc.aio.AioRpcError):  # on a busy machine it ends before it is fed
            await opened.configure()
            await opened.audio(loud(1000))
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await read_out(opened.call)
        assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert detail_of(ended.value, error_details_pb2.ErrorInfo()).reason == "RECOGNITION_UNFED"
        assert finals(await session(stub, loud(1000)))


async def test_a_call_that_never_sends_its_config_is_ended() -> None:
    settings = AsrSettings(engine="scripted", vad="energy", drain_seconds=0, unfed_seconds=0.2)
    async with serving(settings) as stub:
        call = stub.Recognize()
        with pytest.raises(grpc.aio.AioRpcError):
            await call.read()
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_broken_engine_ends_the_call_as_unavailable_and_the_next_session_works() -> None:
    async with stage(slots=1, fail_after_ms=900) as stub:
        opened = Session(stub.Recognize())
        await opened.configure()
        await opened.audio(loud(1000))
        error = await opened.status()
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert finals(await session(stub, loud(500)))


@pytest.mark.parametrize("configured", [False, True], ids=["first", "in session"])
async def test_bytes_that_are_no_message_are_the_callers_fault(configured: bool) -> None:
    settings = AsrSettings(engine="scripted", vad="energy", drain_seconds=0)
    async with (
        running(AsrServicer(settings), settings) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        recognize: Any = channel.stream_stream("/mesh.asr.v1.Asr/Recognize")
        call = recognize()
        if configured:
            config = asr_pb2.RecognizeConfig(lang="en")
            await call.write(asr_pb2.RecognizeRequest(config=config).SerializeToString())
        await call.write(b"\xff\xff\xff")
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
