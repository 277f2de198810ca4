"""Without interim results a client does not see what is open; its session of text and speech goes on all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.mesh import UTTERANCE, Heard, chunks, control, gateway, hello, loud, read_into, text
from tests.mesh.resuming import chunks_from, joined, resuming, until_open

CAPTIONS = pb.Target(lang="es", delivery=pb.DELIVERY_CAPTIONS)
SPEECH = pb.Target(lang="es", delivery=pb.DELIVERY_SPEECH)


async def _lost(stub: Any, request: pb.ClientMessage, said: list[pb.ClientMessage], finals: int) -> Heard:
    call: Any = stub.Stream()
    heard = Heard()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_into(heard, call))
        for message in [request, *said]:
            await call.write(message)
        await heard.until("asr", finals)
        call.cancel()
    return heard


async def _resumed(stub: Any, request: pb.ClientMessage, said: list[pb.ClientMessage]) -> Heard:
    call: Any = stub.Stream()
    heard = Heard()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_into(heard, call))
        await call.write(request)
        await until_open(heard)
        for message in said if heard.of("ready") else []:
            await call.write(message)
        await call.done_writing()
    return heard


@pytest.mark.parametrize("target", [CAPTIONS, SPEECH], ids=["captions", "speech"])
@pytest.mark.parametrize("text_first", [True, False], ids=["text first", "audio first"])
async def test_speech_beside_open_text_that_was_never_shown_is_gone_on_with(
    target: pb.Target, text_first: bool
) -> None:
    request = hello(target, partial_results=False)
    async with gateway(asr={"text": "word"}) as stub:
        before = await _lost(stub, request, [text("typed "), *chunks(UTTERANCE)], 1)
        assert [each.segment_id for each in before.of("asr")] == [2]
        typed, spoken = text("typed beside it", final=True), chunks_from(UTTERANCE + UTTERANCE, 3000)
        rest = [typed, *spoken] if text_first else [*spoken, control("ping"), typed]
        after = await _resumed(stub, resuming(request, before), rest)
    assert after.fault is None
    heard = joined(before, after)
    said = {each.segment_id: each.text for each in heard.of("asr")}
    assert len(heard.of("asr")) == len(said) == 3
    assert said[1] == "typed beside it"
    assert _spoken_or_shown(heard) == [1, 2, 3]


def _spoken_or_shown(heard: Heard) -> list[int]:
    """The segments that were translated, each as often as its final came, or a clause of it was said first."""
    shown = [each.segment_id for each in heard.of("translation") if each.final]
    said = {(chunk.segment_id, chunk.offset_ms): chunk for chunk in heard.speech("es")}
    assert len(said) == len(heard.speech("es"))
    return sorted(shown or {number for number, _ in said})


async def test_text_beside_open_speech_that_was_never_shown_is_gone_on_with() -> None:
    request = hello(CAPTIONS, partial_results=False)
    async with gateway(asr={"text": "word"}) as stub:
        call: Any = stub.Stream()
        before = Heard()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(before, call))
            for message in [request, *chunks(loud(1.5)), control("ping")]:
                await call.write(message)
            await before.until("marker", 1)
            await call.write(text("typed", final=True))
            await before.until("asr", 1)
            call.cancel()
        assert [each.segment_id for each in before.of("asr")] == [2]
        rest = [text("more text", final=True), *chunks_from(UTTERANCE, 0)]
        after = await _resumed(stub, resuming(request, before), rest)
    assert after.fault is None
    heard = joined(before, after)
    texts = {each.segment_id: each.text for each in heard.of("asr")}
    assert len(texts) == len(heard.of("asr")) == 3
    assert (texts[2], texts[3]) == ("typed", "more text")
    assert texts[1].startswith("Word word")
    assert len(heard.finals("es")) == 3
