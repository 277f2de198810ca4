"""The translation stage on Apertium: pipelines that die, hang or are left, and what remains of them."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress
from pathlib import Path

import grpc
import psutil
import pytest

from tests.mesh.mt import asking, needs_apertium, programs, stage, text_of, until_slots_used

pytestmark = [needs_apertium, pytest.mark.clock]

HELLO, HOLA = "Good morning, friends.", "Buenos d\u00edas, amigos."


def strike(number: signal.Signals, place: int) -> None:
    programs()[place].send_signal(number)


@pytest.mark.parametrize("place", [0, 4, -1])
async def test_a_killed_pipeline_is_replaced_and_the_call_succeeds(place: int) -> None:
    async with stage("embedded", warm_from="", pipelines=1) as stub:
        assert await text_of(stub, HELLO) == HOLA
        before = {program.pid for program in programs()}
        strike(signal.SIGKILL, place)
        assert await text_of(stub, HELLO) == HOLA
        assert not before & {program.pid for program in programs()}
        assert len(programs()) == len(before)
    assert not programs()


async def test_a_pipeline_killed_in_an_instant_before_the_call_is_replaced_too() -> None:
    async with stage("embedded", warm_from="", pipelines=2) as stub:
        await asyncio.gather(text_of(stub, HELLO), text_of(stub, HELLO))
        for program in programs():
            with suppress(psutil.NoSuchProcess):  # it ended when its neighbour did
                program.kill()
        assert await text_of(stub, HELLO) == HOLA


async def test_a_frozen_pipeline_is_replaced_after_its_time() -> None:
    async with stage("embedded", warm_from="", pipelines=1, reply_seconds=0.3) as stub:
        await text_of(stub, HELLO)
        strike(signal.SIGSTOP, 3)
        began = time.monotonic()
        assert await text_of(stub, HELLO) == HOLA
        assert time.monotonic() - began < 3
    assert not programs()


async def test_a_text_translated_before_needs_no_pipeline() -> None:
    async with stage("embedded", cache_entries=8, warm_from="", pipelines=1, reply_seconds=30) as stub:
        assert await text_of(stub, HELLO) == HOLA
        strike(signal.SIGSTOP, 3)
        assert await text_of(stub, HELLO, final=False) == HOLA


async def test_a_cancelled_call_frees_its_slot_and_ends_its_pipeline() -> None:
    async with stage("embedded", warm_from="", slots=1, pipelines=1, reply_seconds=30) as stub:
        await text_of(stub, HELLO)
        before = programs()
        strike(signal.SIGSTOP, 3)
        call = stub.Translate(asking(HELLO))
        await until_slots_used(stub, 1)
        call.cancel()
        await until_slots_used(stub, 0)
        assert not any(program.is_running() for program in before)
        assert await text_of(stub, HELLO) == HOLA


async def test_a_pair_whose_programs_cannot_start_is_told_as_unavailable(tmp_path: Path) -> None:
    (tmp_path / "eng-spa.mode").write_text("lt-proc '/nowhere/a.bin' | lt-proc $1 '/nowhere/b.bin'")
    async with stage("embedded", warm_from="", modes=tmp_path) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await text_of(stub, HELLO)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
    assert not programs()


async def test_sixteen_calls_at_once_get_each_its_own_answer() -> None:
    async with stage("embedded", warm_from="") as stub:
        answers = await asyncio.gather(*(text_of(stub, f"I have {number} dogs.") for number in range(2, 18)))
    assert answers == [f"Tengo {number} perros." for number in range(2, 18)]


async def test_two_hundred_calls_leave_nothing_behind() -> None:
    async with stage("embedded", warm_from="", pipelines=1) as stub:
        await text_of(stub, HELLO)
        process = psutil.Process()
        descriptors, programs_before, tasks = process.num_fds(), programs(), len(asyncio.all_tasks())
        for _ in range(200):
            await text_of(stub, HELLO)
        await asyncio.sleep(0.05)
        assert process.num_fds() <= descriptors
        assert programs() == programs_before
        assert len(asyncio.all_tasks()) < tasks + 10  # gRPC has a few of its own that come and go


async def test_pipelines_that_nobody_uses_are_ended_the_longest_unused_first() -> None:
    async with stage("embedded", idle=1) as stub:
        assert await text_of(stub, HELLO) == HOLA
        spanish = {program.pid for program in programs()}
        assert await text_of(stub, HELLO, target_lang="ca")
        assert not spanish & {program.pid for program in programs()}
        assert programs()
        assert await text_of(stub, HELLO) == HOLA
