"""What the measurement of strangers makes of its cases."""

from __future__ import annotations

import asyncio

import pytest

from bench.hostile.__main__ import beside, goals, table
from bench.hostile.attacked import Use
from bench.hostile.canary import Canary
from bench.hostile.measuring import Result

QUICK = Result("pings", seconds=[0.01] * 100, use=Use({"gateway": 1.0}, {"gateway": 90.0}))


def test_all_is_reached_where_the_canary_was_answered_and_nothing_is_left() -> None:
    assert {name: goal.ok for name, goal in goals([QUICK]).items()} == {
        "S1.canary_p99_ms": True,
        "S1.ended": True,
        "S1.slots_left": True,
    }


@pytest.mark.parametrize(
    ("case", "missed"),
    [
        (Result("resets", [0.01] * 98 + [10.0, 10.0]), "S1.canary_p99_ms"),
        (Result("resets", []), "S1.canary_p99_ms"),
        (Result("resets", [0.01], use=Use(ended=["The gateway service ended with status 70."])), "S1.ended"),
        (Result("resets", [0.01], use=Use(slots_left={"asr": 8})), "S1.slots_left"),
    ],
)
def test_one_case_is_enough_to_miss_a_goal(case: Result, missed: str) -> None:
    assert [name for name, goal in goals([QUICK, case]).items() if not goal.ok] == [missed]


def test_before_and_after_stand_beside_each_other_by_case() -> None:
    rows = table([QUICK, Result("new")])
    (known, new) = beside(rows, {"pings": {"p99 ms": 4_000.0, "ended": 1}}).as_json()
    assert (known["p99 ms, before"], known["p99 ms, after"]) == (4_000.0, 10.0)
    assert (known["ended, before"], known["ended, after"]) == (1, 0)
    assert new["p99 ms, before"] is None


async def test_a_canary_that_cannot_connect_counts_as_not_answered() -> None:
    canary = Canary(period_seconds=0.01, patience_seconds=0.5)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(canary.run("127.0.0.1:1"))
        await canary.answered()
        running.cancel()
    assert canary.seconds[0] == 0.5
    assert canary.taken_complaints()[0].startswith("its session ended with UNAVAILABLE")
