"""What becomes of a question whose replica is lost, broken, full or slow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import pytest

from mesh.asr.v1 import asr_pb2
from mesh.stage.v1 import stage_pb2
from services.common.errors import AtCapacity, MeshError, StageFailed, TooSlow
from services.gateway.pacing import Pace
from services.gateway.stages import Question, Stages
from services.gateway.terms import TargetTerms
from tests.mesh.fake_stage import PIECE_SAMPLES, WHOLE, Replica, stages, until

FULL = AtCapacity("AT_CAPACITY", "Full.", retry_after_ms=1)
BROKEN = StageFailed("MT_ENGINE_FAILED", "Broken.", stage="MT")
CONFIG = asr_pb2.RecognizeConfig(language="en")


def question(text: str, **rest: Any) -> Question:
    return Question(text, "en", "es", final=True, **rest)


def speech(own: Stages, text: str) -> AsyncGenerator[Any, None]:
    target = TargetTerms("es", "en", captions=False, speech=True)
    return own.synthesize(text, target, Pace(1.0))


def asked_first(fakes: list[Replica]) -> tuple[Replica, list[Replica]]:
    first = next(fake for fake in fakes if fake.asked)
    return first, [fake for fake in fakes if fake is not first]


async def fault_of(awaitable: Any) -> MeshError:
    with pytest.raises(MeshError) as raised:
        await awaitable
    return raised.value


async def test_a_translation_goes_on_elsewhere_when_its_replica_dies() -> None:
    async with stages("a", "b") as (own, fakes):
        fakes[0].dies_of = "hello"
        answers = [await own.translate(question("hello")) for _ in range(2)]
    assert answers == ["hello by b"] * 2


async def test_a_text_two_replicas_died_of_is_not_tried_a_third_time() -> None:
    async with stages("a", "b", "c") as (own, fakes):
        for fake in fakes:
            fake.dies_of = "poison"
        fault = await fault_of(own.translate(question("poison")))
        assert (fault.code, fault.retry_after_ms) == ("MT_QUARANTINED", 0)
        assert sorted(len(fake.asked) for fake in fakes) == [0, 1, 1]
        assert await own.translate(question("hello"))


async def test_refused_connections_are_no_deaths() -> None:
    async with stages("a", "b", "c") as (own, fakes):
        for fake in fakes[:2]:
            fake.wire.cut()
        for number in range(6):  # some are placed before the loss is known
            assert await own.translate(question(f"hello {number}")) == f"hello {number} by c"


async def test_replicas_that_were_draining_did_not_die_of_a_text() -> None:
    async with stages("a", "b", "c") as (own, fakes):
        for fake in fakes:
            fake.answers.clear()
            fake.state = stage_pb2.STATE_STARTING
        await until(lambda: not own.available("MT"))
        fakes[0].state = stage_pb2.STATE_SERVING
        await own.back("MT")
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(own.translate(question("hello")))
            for leaving, coming in pairwise(fakes):
                await leaving.begun.wait()
                leaving.state = stage_pb2.STATE_DRAINING
                await until(lambda: not own.available("MT"))
                coming.state = stage_pb2.STATE_SERVING
                await own.back("MT")
                leaving.wire.cut()
            fakes[2].answers.set()
        assert call.result() == "hello by c"


async def test_an_engine_that_fails_is_asked_once_elsewhere_and_then_believed() -> None:
    async with stages("a", "b", "c") as (own, fakes):
        for fake in fakes:
            fake.refuses = BROKEN
        fault = await fault_of(own.translate(question("hello")))
        assert fault.code == "MT_ENGINE_FAILED"
        assert sorted(len(fake.asked) for fake in fakes) == [0, 1, 1]


async def test_a_question_does_not_outlast_its_time() -> None:
    async with stages("a", "b") as (own, fakes):
        for fake in fakes:
            fake.refuses = FULL
        started = time.monotonic()
        fault = await fault_of(own.translate(question("hello", timeout_ms=100)))
        assert isinstance(fault, AtCapacity | TooSlow)
        assert time.monotonic() - started < 2.0  # the retries alone would take 0.4 s, a slow answer 5 s
        for fake in fakes:
            fake.refuses = None
            fake.answers.clear()
        assert isinstance(await fault_of(own.translate(question("hello", timeout_ms=100))), TooSlow)


async def test_a_translator_that_is_full_for_a_moment_is_asked_again() -> None:
    async with stages("a") as (own, (a,)):
        a.refuses = FULL
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(own.translate(question("hello")))
            await a.begun.wait()
            a.refuses = None
        assert call.result() == "hello by a"


async def test_a_slow_replica_is_waited_for() -> None:
    async with stages("a", "b") as (own, fakes):
        for fake in fakes:
            fake.answers.clear()
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(own.translate(question("hello")))
            await asyncio.sleep(1.0)  # longer than retries take, and than silence is borne
            for fake in fakes:
                fake.answers.set()
        assert call.result()
        assert sum(len(fake.asked) for fake in fakes) == 1


async def hear(own: Stages, heard: list[int], pieces: int, then: Callable[[], None]) -> None:
    """Hears a clause; after so many pieces something happens."""
    async with aclosing(speech(own, "clause")) as spoken:
        async for pcm, _ in spoken:
            heard += pcm.tolist()
            if len(heard) == pieces * PIECE_SAMPLES:
                then()


@pytest.mark.parametrize("end", ["cut", "freeze", "stuck"])
async def test_a_clause_cut_off_goes_on_at_its_next_sample(end: str) -> None:
    heard: list[int] = []
    async with stages("a", "b") as (own, fakes):
        for fake in fakes:
            fake.pieces = 7

        def lose() -> None:
            first, (other,) = asked_first(fakes)
            other.pieces = 20
            match end:
                case "cut":
                    first.wire.cut()
                case "freeze":
                    first.silent = True
                case _:
                    first.state = stage_pb2.STATE_STUCK

        await hear(own, heard, 7, lose)
    assert heard == WHOLE


async def test_a_clause_two_replicas_died_of_keeps_what_was_said_and_is_given_up() -> None:
    heard: list[int] = []
    async with stages("a", "b", "c") as (own, fakes):
        for fake in fakes:
            fake.pieces = 3

        def lose() -> None:
            first, others = asked_first(fakes)
            for other in others:
                other.dies_of = "clause"
            first.wire.cut()

        fault = await fault_of(hear(own, heard, 3, lose))
        assert fault.code == "TTS_QUARANTINED"
        assert sorted(len(fake.asked) for fake in fakes) == [0, 1, 1]
    assert heard == WHOLE[: 3 * PIECE_SAMPLES]


async def test_a_clause_that_is_no_longer_wanted_is_no_longer_made() -> None:
    async with stages("a") as (own, (a,)):
        a.pieces = 2
        async with aclosing(speech(own, "hello")) as pieces:
            await anext(pieces)
            assert a.speaking == 1
        await until(lambda: a.speaking == 0)


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
        recognizing = await own.recognize(CONFIG)
        first, (other,) = asked_first(fakes)
        match end:
            case "cut":
                first.wire.cut()
            case "hold":
                first.wire.hold()
            case _:
                first.silent = True
        async with asyncio.timeout(20):
            await recognizing.lost.wait()
        recognizing.call.cancel()
        again = await own.recognize(CONFIG)
        assert len(other.asked) == 1
        assert again.replica_id != recognizing.replica_id
        again.call.cancel()


async def test_a_recognition_is_told_that_its_replica_is_draining() -> None:
    async with stages("a") as (own, (a,)):
        recognizing = await own.recognize(CONFIG)
        a.state = stage_pb2.STATE_DRAINING
        async with asyncio.timeout(20):
            await recognizing.draining.wait()
        assert not recognizing.lost.is_set()
        assert not own.available("ASR")
        recognizing.call.cancel()


async def test_a_recognition_refused_by_a_full_replica_gets_the_next() -> None:
    async with stages("a", "b") as (own, fakes):
        fakes[0].refuses = FULL
        for _ in range(4):
            recognizing = await own.recognize(CONFIG)
            recognizing.call.cancel()
        fakes[1].refuses = FULL
        assert isinstance(await fault_of(own.recognize(CONFIG)), AtCapacity)


async def test_a_stage_comes_back() -> None:
    async with stages("a") as (own, (a,)):
        a.wire.cut()
        await until(lambda: not own.available("MT"))
        fault = await fault_of(own.translate(question("hello")))
        assert (fault.code, fault.stage) == ("MT_UNAVAILABLE", "MT")
        await a.wire.mend()
        async with asyncio.timeout(20):
            await own.back("MT")
        assert own.available("MT")
        assert await own.translate(question("hello")) == "hello by a"


async def test_a_call_that_is_cancelled_itself_ends_as_that() -> None:
    async with stages("a") as (own, (a,)):
        a.answers.clear()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await own.translate(question("hello"))
        a.answers.set()
        assert await own.translate(question("hello"))
