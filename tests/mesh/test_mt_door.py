"""Whom the translation stage refuses, and how; and what becomes of a slot."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from mesh.mt.v1 import mt_pb2
from tests.mesh.asr import detail_of, field_at_fault
from tests.mesh.mt import asking, stage, text_of, until_slots_used


def term(source: str, translation: str = "") -> mt_pb2.Term:
    return mt_pb2.Term(source=source, translation=translation)


async def test_terms_are_honoured() -> None:
    async with stage() as stub:
        terms = [term("voice mail", "buz\u00f3n de voz"), term("GitHub")]
        assert await text_of(stub, "voice mail on github", terms=terms) == "buz\u00f3n de voz on-es GitHub"


@pytest.mark.parametrize(
    ("fields", "name", "accepted"),
    [
        ({"text": ""}, "text", ""),
        ({"text": " \n\0"}, "text", ""),
        ({"text": "a" * 5_001}, "text", "5000"),
        ({"terms": [term("hello"), term("?!")]}, "terms[1].source", "letters or digits"),
        ({"terms": [term("hello")] * 1_001}, "terms", "1000"),
        ({"source_lang": ""}, "source_lang", "en"),
        ({"source_lang": "ja"}, "source_lang", "en"),
        ({"source_lang": "not a tag"}, "source_lang", "en"),
        ({"target_lang": ""}, "target_lang", "ca, de, es"),
        ({"target_lang": "ja"}, "target_lang", "ca, de, es"),
        ({"target_lang": "en"}, "target_lang", "ca, de, es"),
    ],
)
async def test_a_request_that_cannot_be_is_refused_by_name(fields: dict[str, Any], name: str, accepted: str) -> None:
    async with stage() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await text_of(stub, **{"text": "hello", **fields})
        await until_slots_used(stub, 0)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field_at_fault(refused.value) == name
    assert accepted in (refused.value.details() or "")


async def test_a_full_stage_says_when_to_ask_again() -> None:
    async with stage(slots=1, hang_target="fr") as stub:
        hanging = stub.Translate(asking("hello", target_lang="fr"))
        await until_slots_used(stub, 1)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await text_of(stub, "hello")
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert detail_of(refused.value, error_details_pb2.RetryInfo()).retry_delay.ToMilliseconds() > 0
        hanging.cancel()
        await until_slots_used(stub, 0)
        assert await text_of(stub, "hello") == "hello-es"


async def test_a_region_is_translated_by_the_pair_of_its_language() -> None:
    async with stage() as stub:
        assert await text_of(stub, "hello", source_lang="en-US", target_lang="es-MX") == "hello-es"


async def test_a_failing_engine_is_told_as_unavailable_and_the_next_call_succeeds() -> None:
    async with stage(fail_first_n=1) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await text_of(stub, "hello")
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        info = detail_of(failed.value, error_details_pb2.ErrorInfo())
        assert (info.reason, info.metadata["stage"]) == ("MT_ENGINE_FAILED", "MT")
        assert await text_of(stub, "hello, world") == "hello-es, world-es"


async def test_it_tells_its_pairs_and_slots() -> None:
    async with stage(slots=3, targets=["es", "ca"]) as stub:
        told = await stub.Describe(mt_pb2.DescribeRequest())
    assert [(pair.source_lang, pair.target_lang) for pair in told.pairs] == [("en", "es"), ("en", "ca")]
    assert (told.engine, told.slots_total, told.slots_used) == ("scripted", 3, 0)


async def test_calls_that_come_together_share_a_batch() -> None:
    loop = asyncio.get_running_loop()
    async with stage(compute_ms=100, batch=8, batch_wait_ms=20) as stub:
        began = loop.time()
        await asyncio.gather(*(text_of(stub, f"word{number}") for number in range(8)))
    assert 0.12 <= loop.time() - began < 0.4  # one after the other they would take 0.8 s


async def test_a_slow_target_delays_no_other() -> None:
    loop = asyncio.get_running_loop()
    async with stage(slow_target="fr", slow_ms=500) as stub:
        slow = stub.Translate(asking("hello", target_lang="fr"))
        began = loop.time()
        await text_of(stub, "hello")
        assert loop.time() - began < 0.3
        assert (await slow).text == "hello-fr"
