"""What the gateway knows of its stages, and what a recognition is told of its replica."""

from __future__ import annotations

import asyncio

import pytest

from mesh.stage.v1 import stage_pb2
from services.common.errors import AtCapacity
from services.gateway.values.terms import Holding, Sound, Terms
from tests.mesh.fake_stage import FULL, asked_first, fault_of, question, stages, until

TERMS = Terms("s", "en", (), True, 0, Holding("agreement", 0, 0), Sound("pcm16le", 24_000), 500, 0, 2000)


async def test_what_a_stage_told_last_stands_while_it_is_away() -> None:
    async with stages("a", "b") as (own, (a, b)):
        first = await own.describe()
        assert [engine.stage for engine in first.engines] == ["ASR", "MT", "TTS"]
        a.wire.cut()
        b.wire.cut()
        await until(lambda: not any(own.available(stage) for stage in ("ASR", "MT", "TTS")))
        assert await own.describe() == first
        b.state = stage_pb2.STATE_SERVING
        await b.wire.mend()
        for stage in ("ASR", "MT", "TTS"):
            await own.back(stage)
        assert {engine.version for engine in (await own.describe()).engines} == {"b"}


async def test_nothing_is_known_of_a_stage_that_was_never_there() -> None:
    async with stages("a") as (own, (a,)):
        a.wire.cut()
        await until(lambda: not own.available("ASR"))
        assert (await fault_of(own.describe())).code == "ASR_UNAVAILABLE"


@pytest.mark.parametrize("end", ["cut", "freeze", "hold"])
async def test_a_recognition_is_told_that_its_replica_is_lost(end: str) -> None:
    async with stages("a", "b") as (own, fakes):
        recognizing = await own.recognize(TERMS, 1, resumed=False)
        first, (other,) = asked_first(fakes)
        match end:
            case "cut":
                first.wire.cut()
            case "hold":
                first.wire.hold()
            case _:
                first.silent = True
        async with asyncio.timeout(60):
            await recognizing.lost.wait()
        recognizing.call.cancel()
        again = await own.recognize(TERMS, 1, resumed=False)
        assert len(other.asked) == 1
        assert again.replica_id != recognizing.replica_id
        again.call.cancel()


async def test_a_recognition_is_told_that_its_replica_is_draining() -> None:
    async with stages("a") as (own, (a,)):
        recognizing = await own.recognize(TERMS, 1, resumed=False)
        a.state = stage_pb2.STATE_DRAINING
        async with asyncio.timeout(60):
            await recognizing.draining.wait()
        assert not recognizing.lost.is_set()
        assert not own.available("ASR")
        recognizing.call.cancel()


async def test_a_recognition_refused_by_a_full_replica_gets_the_next() -> None:
    async with stages("a", "b") as (own, fakes):
        fakes[0].refuses = FULL
        for _ in range(4):
            recognizing = await own.recognize(TERMS, 1, resumed=False)
            recognizing.call.cancel()
        fakes[1].refuses = FULL
        assert isinstance(await fault_of(own.recognize(TERMS, 1, resumed=False)), AtCapacity)


async def test_a_stage_comes_back() -> None:
    async with stages("a") as (own, (a,)):
        a.wire.cut()
        await until(lambda: not own.available("MT"))
        fault = await fault_of(own.translate(question("hello")))
        assert (fault.code, fault.stage) == ("MT_UNAVAILABLE", "MT")
        await a.wire.mend()
        async with asyncio.timeout(60):
            await own.back("MT")
        assert own.available("MT")
        assert (await own.translate(question("hello"))).text == "hello by a"
