"""Whatever number a stage is sent, in any field of the internal contracts, it is taken or refused by name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import grpc
import pytest

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from mesh.tts.v1 import tts_pb2, tts_pb2_grpc
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.server.lifecycle import running
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from tests.mesh.mesh import RATE, loud, quiet
from tests.wire.numbers import extreme, number_fields

SCRIPTED: dict[str, Any] = {"engine": "scripted", "drain_seconds": 0}
TAKEN = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}


async def code_of(answers: AsyncIterator[Any]) -> grpc.StatusCode:
    """How a call ends."""
    try:
        async with asyncio.timeout(60):
            async for _ in answers:
                pass
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_numbers_of_the_translator() -> None:
    settings = MtSettings(**SCRIPTED)
    request = mt_pb2.TranslateRequest(text="hello", source_lang="en-US", target_lang="es")
    async with (
        running(MtServicer(settings), settings) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to,
    ):
        for path in number_fields(mt_pb2.TranslateRequest.DESCRIPTOR):
            for value, message in extreme(request, path):
                answer = mt_pb2_grpc.MtStub(to).Translate(message)
                assert await code_of(_one(answer)) in TAKEN, f"{path} = {value}"


async def _one(answer: Any) -> AsyncIterator[Any]:
    yield await answer


async def test_numbers_of_the_synthesizer() -> None:
    settings = TtsSettings(**SCRIPTED)
    request = tts_pb2.SynthesizeRequest(text="hello", lang="es")
    async with (
        running(TtsServicer(settings), settings) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to,
    ):
        for path in number_fields(tts_pb2.SynthesizeRequest.DESCRIPTOR):
            for value, message in extreme(request, path):
                answers = tts_pb2_grpc.TtsStub(to).Synthesize(message)
                assert await code_of(aiter(answers)) in TAKEN, f"{path} = {value}"


CONFIG = asr_pb2.RecognizeRequest(config=asr_pb2.RecognizeConfig(lang="en-US", interim_results=True))


def audio(pcm: bytes, offset_samples: int) -> asr_pb2.RecognizeRequest:
    return asr_pb2.RecognizeRequest(audio=asr_pb2.AudioChunk(pcm=pcm, offset_samples=offset_samples))


def _said(kind: str, message: asr_pb2.RecognizeRequest) -> Sequence[asr_pb2.RecognizeRequest]:
    """A session with a message in it."""
    if kind == "config":
        return [message, audio(loud(1), 0), audio(quiet(1), RATE)]
    if kind == "audio":
        return [CONFIG, audio(loud(1), 0), message, asr_pb2.RecognizeRequest(commit=asr_pb2.Commit())]
    return [CONFIG, audio(loud(1), 0), message, audio(quiet(1), RATE)]


async def test_numbers_of_the_recognizer(caplog: pytest.LogCaptureFixture) -> None:
    """A status that crosses a write can arrive as INTERNAL (grpc/grpc#36066), so the stage's log is asked."""
    caplog.set_level(logging.ERROR)
    settings = AsrSettings(vad="energy", **SCRIPTED)
    bases = {"config": CONFIG, "audio": audio(loud(0.5), 0)}
    async with (
        running(AsrServicer(settings), settings) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to,
    ):
        for path in number_fields(asr_pb2.RecognizeRequest.DESCRIPTOR):
            kind = path.partition(".")[0]
            for value, message in extreme(bases.get(kind, asr_pb2.RecognizeRequest()), path):
                call: Any = asr_pb2_grpc.AsrStub(to).Recognize(_sent(_said(kind, message)))
                await code_of(aiter(call))
                assert not [each for each in caplog.records if each.levelno >= logging.ERROR], f"{path} = {value}"


async def _sent(messages: Iterable[asr_pb2.RecognizeRequest]) -> AsyncIterator[asr_pb2.RecognizeRequest]:
    for message in messages:
        yield message
