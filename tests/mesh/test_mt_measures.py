"""What a translation stage measures of its translations."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from tests.measured import measured
from tests.mesh.mt import asking, stage, text_of

PAIR = ("en", "es")  # the engine's, whatever clients call them
PHRASEBOOK = Path(__file__).parent.parent / "models" / "mt" / "phrasebook-en-es"


async def test_a_text_that_was_translated_before_is_a_hit_and_takes_the_engine_no_time() -> None:
    with measured() as read:
        async with stage(cache_entries=8, compute_ms=20) as stub:
            await text_of(stub, "hello", source_lang="en-GB", target_lang="es-MX")
            await text_of(stub, "hello")
            await asyncio.gather(*(text_of(stub, "goodbye") for _ in range(3)))  # one asks for all
        assert read.values("mt.cache") == {("miss",): 2, ("hit",): 3}
        took = read.points("engine.duration")["mt", *PAIR]
    assert took.count == 2
    assert took.min >= 0.020


async def test_the_length_is_that_of_finals_from_the_cache_or_not() -> None:
    with measured() as read:
        async with stage(cache_entries=8, words={"abcd": "abcdef"}) as stub:
            await text_of(stub, "abcd", final=False)
            assert not read.points("mt.length_ratio")
            await text_of(stub, "abcd")
            ratio = read.points("mt.length_ratio")[PAIR]
    assert (ratio.count, ratio.sum) == (1, 1.5)


async def test_a_translation_that_says_the_same_again_and_again_is_seen() -> None:
    with measured() as read:
        async with stage(words={"one": "no", "two": "sé", "three": "no", "four": "sé", "five": "no"}) as stub:
            await text_of(stub, "This says each thing once.")
            assert read.points("mt.repetition")[PAIR].sum == 0
            await text_of(stub, "one two three four five")
            seen = read.points("mt.repetition")[PAIR]
    assert (seen.count, seen.sum) == (2, 0.5)  # "no sé no sé no": two pairs, twice each


async def test_words_the_engine_does_not_know_are_counted_in_finals() -> None:
    with measured() as read:
        async with stage("onnx", bundles=[PHRASEBOOK], device="cpu") as stub:
            await text_of(stub, "Where is \u65e5 today?", final=False)
            assert not read.points("mt.unknown_words")
            await stub.Translate(asking("Where is \u65e5 today?"))
        assert read.values("mt.unknown_words")[PAIR] > 0


async def test_a_text_that_the_engine_failed_on_is_none_that_it_answered() -> None:
    with measured() as read:
        async with stage(fail_first_n=1) as stub:
            with pytest.raises(grpc.aio.AioRpcError):
                await text_of(stub, "hello")
        assert not read.points("engine.duration")
        assert not read.points("mt.cache")
