"""Slots as tenants hold them and ask for them over time."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest

from services.common.errors import AtCapacity
from services.common.server.slots import Slots
from services.gateway.agreement.callers import Caller
from services.gateway.agreement.tenants import (
    ACTIVE_SECONDS,
    BURST_SECONDS,
    LATE_SECONDS,
    LATEST_SECONDS,
    Place,
    Tenants,
)
from services.gateway.settings import GatewaySettings

GREEDY, SMALL, OTHER = Caller("greedy"), Caller("small"), Caller("other")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def tenants(clock: Clock, **settings: Any) -> Tenants:
    told = GatewaySettings(**{"slots": 4, "reserved_slots": 0, **settings})
    return Tenants(Slots(told.slots, stage="", reserved=told.reserve), told, clock)


def test_a_slot_that_comes_free_is_kept_for_who_was_refused_below_its_share() -> None:
    shared = tenants(Clock())
    with ExitStack() as others:
        with shared.taken(GREEDY):
            for _ in range(3):
                others.enter_context(shared.taken(GREEDY))
            with pytest.raises(AtCapacity, match="All 4 slots"), shared.taken(SMALL):
                pass
        with pytest.raises(AtCapacity) as refused, shared.taken(GREEDY):
            pass
        assert refused.value.code == "SHARE_USED"
        assert refused.value.retry_after_ms
        with shared.taken(SMALL):
            pass


def test_who_does_not_come_back_is_waited_for_no_longer() -> None:
    clock = Clock()
    shared = tenants(clock)
    with ExitStack() as others:
        with shared.taken(GREEDY):
            for _ in range(3):
                others.enter_context(shared.taken(GREEDY))
            with pytest.raises(AtCapacity), shared.taken(SMALL):
                pass
        clock.now += ACTIVE_SECONDS
        with shared.taken(GREEDY):
            pass


def test_a_handle_is_no_way_around_a_share() -> None:
    """The reserve is for sessions that resume, and a tenant may take a handle from each session and drop it."""
    shared = tenants(Clock(), reserved_slots=2)
    with ExitStack() as held:
        held.enter_context(shared.taken(SMALL))
        held.enter_context(shared.taken(GREEDY, resumed=True))
        held.enter_context(shared.taken(GREEDY, resumed=True))
        with pytest.raises(AtCapacity) as refused, shared.taken(GREEDY, resumed=True):
            pass
        assert refused.value.code == "SHARE_USED"
        held.enter_context(shared.taken(OTHER, resumed=True))


def test_callers_without_a_tenant_share_by_their_address() -> None:
    shared = tenants(Clock())
    here, there = Caller(client="192.0.2.1"), Caller(client="192.0.2.2")
    with ExitStack() as held:
        for _ in range(4):
            last = held.enter_context(ExitStack())
            last.enter_context(shared.taken(here))
        with pytest.raises(AtCapacity) as refused, shared.taken(there):
            pass
        assert refused.value.code == "AT_CAPACITY"
        last.close()
        with pytest.raises(AtCapacity) as refused, shared.taken(here):
            pass
        assert refused.value.code == "SHARE_USED"


async def test_a_tenant_that_calls_too_often_waits_and_is_refused_where_that_would_take_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, waits = Clock(), []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    shared = tenants(clock, calls_per_second=10)
    for _ in range(int(10 * BURST_SECONDS)):
        await shared.called(GREEDY, "Stream")
    assert not waits
    for _ in range(int(10 * LATE_SECONDS)):
        await shared.called(GREEDY, "Stream")
    assert waits == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    with pytest.raises(AtCapacity) as refused:
        await shared.called(GREEDY, "Stream")
    assert refused.value.code == "TOO_MANY_CALLS"
    assert waits[-1] == LATE_SECONDS  # the refusal came late, too
    waits.clear()
    await shared.called(SMALL, "Stream")
    await shared.called(GREEDY, "Describe")
    assert not waits
    clock.now += 1
    await shared.called(GREEDY, "Stream")


def test_headroom_is_kept_where_tenants_are_told_apart_and_not_where_addresses_stand_for_them() -> None:
    assert GatewaySettings(slots=64, tenant_metadata="x-tenant").headroom == 7
    assert GatewaySettings(slots=64).headroom == 0
    assert GatewaySettings(slots=64, headroom_slots=3).headroom == 3
    assert GatewaySettings(slots=8, tenant_metadata="x-tenant").headroom == 0


def wanted(places: list[Place]) -> list[bool]:
    return [place.wanted.is_set() for place in places]


def test_who_holds_nearly_all_is_to_give_back_its_newest_slot_for_each_tenant_that_waits() -> None:
    shared = tenants(Clock(), tenant_metadata="x-tenant")
    with ExitStack() as held:
        places = [held.enter_context(shared.taken(GREEDY)) for _ in range(4)]
        for waiting in (SMALL, SMALL):  # it asks again, and still waits for one
            with pytest.raises(AtCapacity), shared.taken(waiting):
                pass
        assert wanted(places) == [False, False, False, True]
        with pytest.raises(AtCapacity), shared.taken(OTHER):
            pass
        assert wanted(places) == [False, False, True, True]


def test_near_the_balance_nobody_is_to_give_back() -> None:
    shared = tenants(Clock(), tenant_metadata="x-tenant")
    with ExitStack() as held:
        places = [held.enter_context(shared.taken(caller)) for caller in (GREEDY, GREEDY, OTHER, OTHER)]
        with pytest.raises(AtCapacity), shared.taken(SMALL):
            pass
        assert not any(wanted(places))


def test_an_address_is_to_give_nothing_back_for_it_may_be_that_of_many() -> None:
    shared = tenants(Clock())
    with ExitStack() as held:
        places = [held.enter_context(shared.taken(Caller(client="192.0.2.1"))) for _ in range(4)]
        with pytest.raises(AtCapacity), shared.taken(Caller(client="192.0.2.2")):
            pass
        assert not any(wanted(places))


def test_headroom_that_others_took_is_given_back_before_the_next_one_has_to_wait() -> None:
    shared = tenants(Clock(), slots=16, headroom_slots=2, tenant_metadata="x-tenant")
    with ExitStack() as held:
        places = [held.enter_context(shared.taken(GREEDY)) for _ in range(14)]
        with pytest.raises(AtCapacity), shared.taken(GREEDY):
            pass
        assert not any(wanted(places))
        held.enter_context(shared.taken(SMALL))
        assert wanted(places) == [False] * 13 + [True]
        held.enter_context(shared.taken(OTHER))
        assert wanted(places) == [False] * 12 + [True] * 2


async def test_a_tenant_over_its_share_is_refused_late_and_one_that_is_alone_or_behind_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    shared = tenants(Clock(), tenant_metadata="x-tenant")
    with ExitStack() as held:
        for _ in range(4):
            await shared.require_share(GREEDY)
            held.enter_context(shared.taken(GREEDY))
        await shared.require_share(GREEDY)  # nobody else wants any
        with pytest.raises(AtCapacity), shared.taken(SMALL):
            pass
        await shared.require_share(SMALL)
        assert not waits
        with pytest.raises(AtCapacity) as refused:
            await shared.require_share(GREEDY)
        assert (refused.value.code, waits) == ("SHARE_USED", [LATE_SECONDS])


async def test_the_more_refusals_a_tenant_waits_for_the_later_each_of_them_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    due = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await due.wait()

    shared = tenants(Clock(), tenant_metadata="x-tenant")
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(shared.taken(GREEDY))
        with pytest.raises(AtCapacity), shared.taken(SMALL):
            pass
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(turned_away(shared, GREEDY)) for _ in range(40)]
            with monkeypatch.context() as patch:
                patch.setattr(asyncio, "sleep", sleep)
                while len(waits) < len(asked):
                    await asyncio.wait(asked, timeout=0)
            due.set()
    assert [task.result() for task in asked] == ["SHARE_USED"] * 40
    assert waits[0] == LATE_SECONDS
    assert waits[31:] == [LATEST_SECONDS] * 9  # sixteen refusals a second: the last of forty comes in two seconds
    assert waits == sorted(waits)


async def turned_away(shared: Tenants, caller: Caller) -> str:
    with pytest.raises(AtCapacity) as refused:
        await shared.require_share(caller)
    return refused.value.code
