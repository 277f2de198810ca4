"""Which replica a call goes to, and how it is noticed that one is gone."""

from __future__ import annotations

import asyncio
import gc
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest

from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from mesh.stage.v1 import stage_pb2
from services.common.errors import AtCapacity, StageFailed, TooSlow
from services.gateway.stages.addresses import Addresses
from services.gateway.stages.links import Link
from services.gateway.stages.replicas import Replicas
from tests.mesh.fake_stage import Replica, replica, until

pytestmark = pytest.mark.clock

PATIENCE = 0.5


@asynccontextmanager
async def watched(addresses: Addresses, resolve_seconds: float = 0.1) -> AsyncIterator[Replicas]:
    replicas = Replicas("MT", addresses, PATIENCE, resolve_seconds)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(replicas.run())
        await replicas.known()
        yield replicas
        running.cancel()


@asynccontextmanager
async def pair(**switches: Any) -> AsyncIterator[tuple[Replicas, Replica, Replica]]:
    async with (
        replica("a", **switches) as a,
        replica("b", **switches) as b,
        watched(Addresses([a.address, b.address])) as replicas,
    ):
        yield replicas, a, b


async def ask(link: Link) -> str:
    response = await mt_pb2_grpc.MtStub(link.channel).Translate(mt_pb2.TranslateRequest(text="x"), timeout=60)
    return response.text.removeprefix("x by ")


async def placed(link: Link) -> Link:
    """A call that stays."""
    return link


async def lost(replicas: Replicas) -> None:
    await until(lambda: not replicas.available)


async def test_calls_go_where_most_slots_are_free() -> None:
    async with (
        replica("a", used=9, total=10) as a,
        replica("b", used=2, total=10) as b,
        watched(Addresses([a.address, b.address])) as replicas,
    ):
        assert [await replicas.call(ask) for _ in range(3)] == ["b", "b", "b"]


async def test_calls_placed_since_a_replica_told_its_slots_count() -> None:
    async with pair(total=100) as (replicas, a, b):
        a.silent = b.silent = True  # for less than it takes to be lost
        assert Counter([await replicas.call(ask) for _ in range(20)]) == {"a": 10, "b": 10}


async def test_a_call_in_flight_on_a_frozen_replica_goes_to_another() -> None:
    async with pair(answers=False) as (replicas, a, b):
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(replicas.call(ask))
            await until(lambda: bool(a.asked or b.asked))
            frozen, other = (a, b) if a.asked else (b, a)
            frozen.silent = True
            other.answers.set()
        assert call.result() == other.name


async def test_a_frozen_replica_gets_no_calls_until_it_tells_again() -> None:
    async with replica("a") as a, watched(Addresses([a.address])) as replicas:
        a.silent = True
        await lost(replicas)
        with pytest.raises(StageFailed) as refused:
            await replicas.call(ask)
        assert refused.value.code == "MT_UNAVAILABLE"
        assert refused.value.retry_after_ms
        a.silent = False
        await replicas.back()
        assert await replicas.call(ask) == "a"


async def test_a_killed_replica_is_noticed_and_used_again_once_it_is_back() -> None:
    async with pair() as (replicas, a, b):
        a.wire.cut()
        assert {await replicas.call(ask) for _ in range(8)} == {"b"}
        b.wire.cut()
        await lost(replicas)
        await a.wire.mend()
        async with asyncio.timeout(60):
            await replicas.back()
        assert await replicas.call(ask) == "a"


async def test_a_black_hole_is_noticed_although_nothing_is_closed() -> None:
    async with replica("a") as a, watched(Addresses([a.address])) as replicas:
        a.wire.hold()
        await lost(replicas)
        await replicas.back()  # over another connection
        assert await replicas.call(ask) == "a"


async def test_a_stuck_replica_loses_its_calls_at_once() -> None:
    async with pair(answers=False) as (replicas, a, b):
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(replicas.call(ask))
            await until(lambda: bool(a.asked or b.asked))
            stuck, other = (a, b) if a.asked else (b, a)
            other.answers.set()
            stuck.state = stage_pb2.STATE_STUCK
        assert call.result() == other.name


async def test_a_draining_replica_gets_no_new_calls_and_keeps_those_it_has() -> None:
    async with replica("a", answers=False) as a, watched(Addresses([a.address])) as replicas:
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(replicas.call(ask))
            await a.begun.wait()
            a.state = stage_pb2.STATE_DRAINING
            await lost(replicas)
            with pytest.raises(StageFailed):
                await replicas.call(ask)
            a.answers.set()
        assert call.result() == "a"


async def test_a_replica_that_still_starts_gets_no_calls() -> None:
    async with replica("a", state=stage_pb2.STATE_STARTING) as a, watched(Addresses([a.address])) as replicas:
        assert not replicas.available
        a.state = stage_pb2.STATE_SERVING
        await replicas.back()


async def test_a_stall_of_our_own_loses_no_replica() -> None:
    async with pair() as (replicas, _, _):
        links = [await replicas.call(placed) for _ in range(2)]
        for _ in range(3):
            time.sleep(2 * PATIENCE)  # noqa: ASYNC251 - the stall
            await asyncio.sleep(PATIENCE / 3)
        assert not any(link.lost.is_set() for link in links)


async def test_full_replicas_are_all_asked_before_a_call_is_refused() -> None:
    async with pair(refuses=AtCapacity("AT_CAPACITY", "Full.", retry_after_ms=1)) as (replicas, a, b):
        with pytest.raises(AtCapacity):
            await replicas.call(ask)
        assert a.asked
        assert b.asked
        b.refuses = None
        assert await replicas.call(ask) == "b"


async def test_replicas_come_and_go_with_the_addresses_of_a_name() -> None:
    found: list[str] = []

    async def lookup(name: str, port: int) -> Sequence[str]:
        assert (name, port) == ("mt.mesh", 7702)
        if not found:
            raise OSError("no such name")
        return list(found)

    async with AsyncExitStack() as stack:
        a, b = [await stack.enter_async_context(replica(name)) for name in "ab"]
        replicas = await stack.enter_async_context(watched(Addresses(["dns:///mt.mesh:7702"], lookup), 0.05))
        assert not replicas.available
        found[:] = [a.address]
        await replicas.back()
        assert await replicas.call(ask) == "a"
        link = await replicas.call(placed)
        found[:] = [b.address]
        await link.draining.wait()
        await replicas.back()
        assert await replicas.call(ask) == "b"
        assert not link.lost.is_set()  # what runs there may end
        found.clear()  # a lookup that fails changes nothing
        await asyncio.sleep(0.2)
        assert await replicas.call(ask) == "b"


async def test_nothing_is_left_of_a_replica_that_is_tried_again_and_again() -> None:
    gc.collect()
    before = _channels()
    async with replica("a") as a, watched(Addresses([a.address])) as replicas:
        for _ in range(3):
            a.wire.cut()
            await lost(replicas)
            await a.wire.mend()
            await replicas.back()
        gc.collect()
        assert _channels() - before <= 1
        tasks = [str(task.get_coro()) for task in asyncio.all_tasks()]
        assert len([task for task in tasks if "gateway" in task or "Replica" in task]) <= 4, tasks


def _channels() -> int:
    return len([each for each in gc.get_objects() if isinstance(each, grpc.aio.Channel)])


async def test_a_call_on_a_sole_replica_that_is_silent_for_a_while_is_answered_and_asked_once() -> None:
    async with replica("a", answers=False) as a, watched(Addresses([a.address])) as replicas:
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(replicas.call(ask))
            await a.begun.wait()
            a.silent = True
            await until(lambda: replicas.late)
            a.silent = False
            await replicas.back()
            a.answers.set()
        assert call.result() == "a"
        assert a.asked == ["x"]


async def test_a_sole_replica_that_is_slow_is_waited_for_and_one_beside_another_is_not() -> None:
    async def slow(link: Link) -> str:
        with replicas.attempt(link, 0.1):
            await asyncio.sleep(0.5)
        return "answered"

    async with replica("a") as a, watched(Addresses([a.address])) as replicas:
        assert await replicas.call(slow) == "answered"
    async with pair() as (replicas, _, _):
        with pytest.raises(TooSlow):
            await replicas.call(slow)


async def test_a_sole_replica_that_never_answers_is_not_waited_for_for_ever() -> None:
    async def never(link: Link) -> None:
        with replicas.attempt(link, 0.05, longest_seconds=0.2):
            await asyncio.sleep(3)

    async with replica("a") as a, watched(Addresses([a.address])) as replicas:
        with pytest.raises(TooSlow):
            await replicas.call(never)
