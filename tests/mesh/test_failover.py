"""What becomes of a question whose replica is lost, broken, full or slow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from mesh.stage.v1 import stage_pb2
from services.common.errors import AtCapacity, StageFailed, TooSlow
from services.common.states import State
from services.gateway.stages.stages import Stages
from services.gateway.values.speech import Pace
from services.gateway.values.stages import Line
from services.gateway.values.terms import TargetTerms
from tests.mesh.fake_stage import FULL, PIECE_SAMPLES, WHOLE, Replica, asked_first, fault_of, question, stages, until

pytestmark = pytest.mark.clock

BROKEN = StageFailed("MT_ENGINE_FAILED", "Broken.", stage="MT")


def speech(own: Stages, text: str) -> AsyncGenerator[Any, None]:
    target = TargetTerms("es", "en", captions=False, speech=True)
    return own.synthesize(Line(text, target, Pace(1.0)))


async def test_a_translation_goes_on_elsewhere_when_its_replica_dies() -> None:
    async with stages("a", "b") as (own, fakes):
        fakes[0].dies_of = "hello"
        answers = [(await own.translate(question("hello"))).text for _ in range(2)]
    assert answers == ["hello by b"] * 2


async def test_a_text_two_replicas_died_of_is_not_tried_a_third_time() -> None:
    async with stages("a", "b", "c") as (own, fakes):
        for fake in fakes:
            fake.dies_of = "poison"
        fault = await fault_of(own.translate(question("poison")))
        assert (fault.code, fault.retry_after_ms) == ("MT_QUARANTINED", None)
        assert sorted(len(fake.asked) for fake in fakes) == [0, 1, 1]
        assert await own.translate(question("hello"))


async def revived(own: Stages, dead: Replica) -> None:
    await until(lambda: not own.available("MT"))
    await dead.wire.mend()
    await own.back("MT")


async def test_a_text_the_only_replica_died_of_twice_does_not_end_it_a_third_time() -> None:
    async with stages("a") as (own, (a,)):
        a.dies_of = "poison"
        assert (await fault_of(own.translate(question("poison")))).code == "MT_UNAVAILABLE"
        await revived(own, a)
        assert (await fault_of(own.translate(question("poison")))).code == "MT_QUARANTINED"
        await revived(own, a)
        assert (await fault_of(own.translate(question("poison")))).code == "MT_QUARANTINED"
        assert a.asked == ["poison"] * 2
        assert await own.translate(question("hello"))


async def test_a_text_that_is_answered_is_no_longer_suspected() -> None:
    async with stages("a") as (own, (a,)):
        for _ in range(3):
            a.dies_of = "hello"
            assert (await fault_of(own.translate(question("hello")))).code == "MT_UNAVAILABLE"
            a.dies_of = ""
            await revived(own, a)
            assert await own.translate(question("hello"))


async def test_connections_that_break_and_are_refused_from_then_on_cost_no_question() -> None:
    async with stages("a", "b", "c") as (own, fakes):
        for left, fake in ((2, fakes[0]), (1, fakes[1])):
            fake.wire.cut()
            for number in range(6):  # some are placed before the loss is known
                text = f"hello {number} of {left}"
                assert (await own.translate(question(text))).text.startswith(text)
            await until(partial(_serve, own, left))
        assert (await own.translate(question("hello"))).text == "hello by c"


def _serve(own: Stages, count: int) -> bool:
    return sum(each.status.state is State.SERVING for each in own.seen("MT")) == count


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
        assert call.result().text == "hello by c"


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
        assert call.result().text == "hello by a"


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


async def test_a_call_that_is_cancelled_itself_ends_as_that() -> None:
    async with stages("a") as (own, (a,)):
        a.answers.clear()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await own.translate(question("hello"))
        a.answers.set()
        assert await own.translate(question("hello"))
