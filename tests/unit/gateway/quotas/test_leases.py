from __future__ import annotations

import asyncio

from services.gateway.quotas.classes import Line
from services.gateway.quotas.leases import Leases
from services.gateway.quotas.tally import counted
from tests.unit.gateway.quotas.scene import Clock, PlayedStore, gateways

MINUTE = (Line("audio_minutes", "minute", 1000),)
BOTH = (*MINUTE, Line("audio_minutes", "day", 1500))


async def test_one_gateway_alone_grants_up_to_each_limit() -> None:
    clock = Clock()
    alone = Leases(None, clock)
    counts = counted("acme", BOTH, clock())
    assert (await alone.take(counts, 800)).granted == 800
    lease = await alone.take(counts, 800)
    assert (lease.granted, lease.left) == (200, 0)
    assert lease.tightest
    assert lease.tightest.line.period == "minute"
    clock.now += 60
    lease = await alone.take(counted("acme", BOTH, clock()), 800)
    assert lease.granted == 500
    assert lease.tightest
    assert lease.tightest.line.period == "day"
    assert (await alone.take(counted("other", BOTH, clock()), 800)).granted == 800


async def test_what_is_given_back_can_be_had_again() -> None:
    clock = Clock()
    alone = Leases(None, clock)
    counts = counted("acme", MINUTE, clock())
    await alone.take(counts, 1000)
    alone.give(counts, 300)
    assert (await alone.take(counts, 1000)).granted == 300


async def test_whole_or_nothing_takes_nothing_where_not_all_is_left() -> None:
    clock = Clock()
    alone = Leases(None, clock)
    counts = counted("acme", MINUTE, clock())
    assert (await alone.take(counts, 1001, whole=True)).granted == 0
    assert (await alone.take(counts, 1000, whole=True)).granted == 1000


async def test_gateways_together_grant_no_more_than_the_limit() -> None:
    clock, store = Clock(), PlayedStore()
    one, two = await gateways(store, clock)
    counts = counted("acme", MINUTE, clock())
    granted = 0
    for _ in range(20):
        granted += (await one.take(counts, 70)).granted + (await two.take(counts, 90)).granted
    assert granted == 1000


async def test_nothing_is_granted_before_the_store_was_heard() -> None:
    clock, store = Clock(), PlayedStore(away=True)
    (one,) = await gateways(store, clock, 1)
    assert one.cut_off
    assert (await one.take(counted("acme", MINUTE, clock()), 10)).granted == 0
    clock.now += 60
    assert (await one.take(counted("acme", MINUTE, clock()), 10)).granted == 0


async def test_cut_off_each_gateway_takes_its_share_of_what_was_left() -> None:
    clock, store = Clock(), PlayedStore()
    one, two = await gateways(store, clock)
    counts = counted("acme", MINUTE, clock())
    await one.take(counts, 300)
    await two.take(counts, 100)
    clock.now += 1
    await one.keep(counts)
    store.away = True
    more = [(await each.take(counts, 1000)).granted for each in (one, two)]
    assert all(more)
    assert 400 + sum(more) <= 1000


async def test_cut_off_a_new_window_is_shared_out_and_an_unheard_one_is_not() -> None:
    clock, store = Clock(), PlayedStore()
    one, two = await gateways(store, clock)
    await one.take(counted("acme", MINUTE, clock()), 10)
    store.away = True
    assert (await one.take(counted("acme", MINUTE, clock()), 1)).granted == 1
    assert (await one.take(counted("unheard", MINUTE, clock()), 1)).granted == 0
    clock.now += 60
    fresh = counted("unheard", MINUTE, clock())
    await two.take(fresh, 1)  # it notices
    clock.now += 60
    fresh = counted("unheard", MINUTE, clock())
    assert [(await each.take(fresh, 1000)).granted for each in (one, two)] == [500, 500]


async def test_who_knows_that_the_store_is_away_does_not_wait_for_it() -> None:
    clock, store = Clock(), PlayedStore()
    (one,) = await gateways(store, clock, 1)
    counts = counted("acme", MINUTE, clock())
    await one.take(counts, 10)
    store.away = True
    await one.take(counts, 10)
    store.frozen = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(one.keep(counts))
        await asyncio.sleep(0)
        assert (await one.take(counts, 10)).granted == 10
        store.frozen.set()


async def test_a_store_that_forgot_everything_learns_it_again_before_it_grants() -> None:
    clock, store = Clock(), PlayedStore()
    one, two = await gateways(store, clock)
    counts = counted("acme", MINUTE, clock())
    await one.take(counts, 500)
    await two.take(counts, 300)
    store.away = True
    for each in (one, two):
        await each.take(counts, 1)
    store.parts.clear()
    store.away, store.settled = False, False
    await one.keep([])
    assert one.cut_off  # the other one has not told its part yet
    await two.keep([])
    store.settled = True
    await one.keep([])
    await two.keep([])
    assert not one.cut_off
    before = sum(store.parts[counts[0].key].values())
    assert before >= 800
    granted = (await one.take(counts, 1000)).granted + (await two.take(counts, 1000)).granted
    assert before + granted == 1000


async def test_places_are_given_back_and_told_to_the_others() -> None:
    clock, store = Clock(), PlayedStore()
    one, two = await gateways(store, clock)
    places = counted("acme", (Line("sessions", "now", 1),), clock())
    assert (await one.take(places, 1)).granted == 1
    assert (await two.take(places, 1)).granted == 0
    one.give(places, 1)
    clock.now += 1
    await one.keep([])
    assert (await two.take(places, 1)).granted == 1


async def test_windows_that_are_over_are_forgotten() -> None:
    clock = Clock()
    alone = Leases(None, clock)
    await alone.take(counted("acme", MINUTE, clock()), 10)
    assert len(alone.tally.parts()) == 1
    clock.now += 120
    await alone.keep([])
    assert not alone.tally.parts()
