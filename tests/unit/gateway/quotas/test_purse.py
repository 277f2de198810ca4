from __future__ import annotations

from services.gateway.quotas.classes import AUDIO, Line
from services.gateway.quotas.leases import Leases
from services.gateway.quotas.purse import Purse
from services.gateway.quotas.tally import counted
from tests.unit.gateway.quotas.scene import Clock, PlayedStore, gateways

LINES = (Line(AUDIO, "minute", 60_000), Line(AUDIO, "day", 90_000))


async def used_up(purse: Purse, leases: Leases, step_ms: int = 250) -> int:
    """How much a session uses until it is told that nothing is left."""
    used = 0
    while True:
        await purse.fill(leases, 1, step_ms)
        if purse.ending and purse.ending.over:
            return used
        purse.spend(step_ms)
        used += step_ms


async def test_a_session_uses_what_is_granted_and_hardly_less() -> None:
    clock = Clock()
    used = await used_up(Purse("acme", LINES, clock), Leases(None, clock))
    assert 59_000 <= used <= 60_000


async def test_the_end_is_announced_before_it_comes() -> None:
    clock, told = Clock(), []
    purse, leases = Purse("acme", LINES, clock), Leases(None, clock)
    for _ in range(230):
        await purse.fill(leases, 1, 250)
        purse.spend(250)
        told.append(purse.ending.over if purse.ending else None)
    assert told[100] is None
    assert told[-1] is False


async def test_a_new_minute_begins_with_a_new_quota_within_that_of_the_day() -> None:
    clock = Clock()
    purse, leases = Purse("acme", LINES, clock), Leases(None, clock)
    first = await used_up(purse, leases)
    clock.now += 60
    second = await used_up(purse, leases)
    assert 85_000 <= first + second <= 90_000
    assert purse.ending
    assert purse.ending.count.line.period == "day"


async def test_sessions_at_two_gateways_use_what_is_granted_and_no_more() -> None:
    clock, store = Clock(), PlayedStore()
    leases = await gateways(store, clock)
    purses = [Purse("acme", LINES, clock) for _ in leases]
    used = 0
    while not all(purse.ending and purse.ending.over for purse in purses):
        for purse, each in zip(purses, leases, strict=True):
            await purse.fill(each, 1, 250)
            if not (purse.ending and purse.ending.over):
                purse.spend(250)
                used += 250
    assert 57_000 <= used <= 60_000


async def test_what_was_not_used_goes_back() -> None:
    clock = Clock()
    purse, leases = Purse("acme", LINES, clock), Leases(None, clock)
    await purse.fill(leases, 1, 250)
    purse.spend(1000)
    purse.empty(leases)
    assert [leases.tally.own(each) for each in counted("acme", LINES, clock())] == [1000, 1000]


async def test_what_was_used_beyond_a_lease_is_counted_too() -> None:
    clock = Clock()
    purse, leases = Purse("acme", LINES, clock), Leases(None, clock)
    purse.spend(5000)
    purse.empty(leases)
    assert leases.tally.own(counted("acme", LINES, clock())[0]) == 5000
