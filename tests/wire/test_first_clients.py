"""Clients that know nothing but the first contract run as they did: the sequences that they see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc
import pytest

from tests.mesh.mesh import RATE, UTTERANCE, gateway_address
from tests.wire.first_contract import ClientMessage, ServerMessage


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async with gateway_address() as address:
        yield address


async def talked(address: str, *said: dict[str, Any]) -> tuple[list[Any], grpc.StatusCode]:
    """What a first client reads, messages of kinds that it does not know left out, and how its call ends."""
    seen: list[Any] = []
    async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(60):
        call: Any = channel.stream_stream(
            "/realtime.v1.RealtimeTranslate/Stream",
            request_serializer=ClientMessage.SerializeToString,
            response_deserializer=ServerMessage.FromString,
        )()
        for fields in said:
            await call.write(ClientMessage(**fields))
        await call.done_writing()
        with suppress(grpc.aio.AioRpcError):
            async for message in call:
                seen += [message] if message.WhichOneof("payload") else []
        return seen, await call.code()


def kinds(seen: list[Any]) -> list[str]:
    """The kinds of messages, each once where several came in a row."""
    found = [message.WhichOneof("payload") for message in seen]
    return [kind for index, kind in enumerate(found) if not index or found[index - 1] != kind]


HELLO = {"hello": {"source_lang": "en", "target_lang": "es"}}


async def test_typed_text_is_transcribed_translated_and_spoken(address: str) -> None:
    seen, code = await talked(address, HELLO, {"text": {"text": "hello there"}}, {"control": {"action": "commit"}})
    assert code is grpc.StatusCode.OK
    assert kinds(seen) == ["asr", "translation", "tts"]
    assert (seen[0].asr.final, seen[0].asr.text) == (True, "hello there")
    assert (seen[1].translation.final, seen[1].translation.text) == (True, "hello-es there-es")
    assert seen[2].tts.format == "pcm16le"
    assert seen[2].tts.data


async def test_speech_is_transcribed_translated_and_spoken(address: str) -> None:
    chunks = [UTTERANCE[at : at + RATE // 5] for at in range(0, len(UTTERANCE), RATE // 5)]
    audio = [{"audio": {"data": data, "format": "pcm16le", "sample_rate": RATE}} for data in chunks]
    seen, code = await talked(address, HELLO, *audio)
    assert code is grpc.StatusCode.OK
    finals = [message.asr.text for message in seen if message.asr.final]
    translated = [message.translation.text for message in seen if message.translation.final]
    assert len(finals) == len(translated) == 1
    assert translated[0].replace("-es", "") == finals[0]
    assert any(message.tts.data for message in seen)


async def test_interim_results_come_where_they_were_asked_for(address: str) -> None:
    wanted = {"hello": {**HELLO["hello"], "partial_results": True}}
    seen, _ = await talked(address, wanted, {"text": {"text": "hello there "}}, {"text": {"text": "my friend"}})
    said = [message.asr for message in seen if message.HasField("asr")]
    assert [each.final for each in said[-1:]] == [True]
    assert any(not each.final for each in said)


async def test_what_is_wrong_comes_with_its_code_and_a_message(address: str) -> None:
    seen, code = await talked(address, HELLO, {"control": {"action": "dance"}})
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    (error,) = [message.error for message in seen if message.HasField("error")]
    assert error.code == "UNKNOWN_ACTION"
    assert error.message
