"""What the load is worth, in replicas."""

from __future__ import annotations

import pytest

from services.common.states import State
from services.gateway.operations.scale.turned_away import TurnedAway
from services.gateway.operations.scale.worth import Measure, crowd, worth
from services.gateway.values.stages import Status


def serving(used: int = 0, total: int = 8, *, queue_seconds: float = 0.0, fill: float = 0.0) -> Status:
    return Status(State.SERVING, total, used, queue_seconds, fill)


def test_nothing_is_worth_nothing() -> None:
    assert [worth(measure, []) for measure in Measure] == [0, 0, 0, 0]
    assert [worth(measure, [serving()]) for measure in Measure] == [0, 0, 0, 0]


@pytest.mark.parametrize("measure", [Measure.SLOTS, Measure.SESSIONS])
def test_half_of_two_replicas_is_worth_one(measure: Measure) -> None:
    assert worth(measure, [serving(2), serving(6)]) == 1.0


def test_replicas_with_more_slots_are_worth_more_than_their_streams() -> None:
    assert worth(Measure.SLOTS, [serving(8, 16), serving(4, 4)]) == 1.5


def test_fill_and_waits_are_summed() -> None:
    statuses = [serving(fill=0.5, queue_seconds=0.1), serving(fill=0.75, queue_seconds=0.3)]
    assert worth(Measure.FILL, statuses) == 1.25
    assert worth(Measure.QUEUE, statuses) == pytest.approx(0.4)


def test_what_a_draining_replica_has_in_hand_will_move_so_it_counts_but_its_queue_does_not() -> None:
    statuses = [serving(4), Status(State.DRAINING, 8, 8, 0.5, 0.5)]
    assert [worth(measure, statuses) for measure in Measure] == [1.5, 0.5, 0.0, 1.5]


@pytest.mark.parametrize("state", [State.UNKNOWN, State.STARTING, State.STUCK])
def test_replicas_that_do_not_work_hold_no_demand(state: State) -> None:
    assert [worth(measure, [Status(state, 8, 8, 1.0, 1.0)]) for measure in Measure] == [0, 0, 0, 0]


def test_sessions_turned_away_are_demand_for_places_and_for_nothing_else() -> None:
    full = [serving(8), serving(8)]
    assert worth(Measure.SLOTS, full, turned_away=4) == 2.5
    assert worth(Measure.SESSIONS, full, turned_away=4) == 2.5
    assert [worth(measure, full, turned_away=4) for measure in (Measure.FILL, Measure.QUEUE)] == [0, 0]


def test_a_storm_of_refusals_at_most_doubles_what_is_wanted() -> None:
    assert worth(Measure.SLOTS, [serving(8), serving(8)], turned_away=100_000) == 4.0
    assert worth(Measure.SLOTS, [serving(0)], turned_away=100_000) == 1.0


def test_the_mesh_has_the_sessions_of_all_its_gateways_until_they_are_over_or_moved() -> None:
    assert crowd([]) == 0
    assert crowd([serving(3, 8), serving(5, 16), Status(State.DRAINING, 8, 2), Status(State.STARTING, 8, 0)]) == 10


def test_sessions_turned_away_will_be_of_the_mesh_but_a_storm_of_them_at_most_doubles_it() -> None:
    full = [serving(8), serving(8)]
    assert crowd(full, turned_away=4) == 20
    assert crowd(full, turned_away=100_000) == 32
    assert crowd([serving(0)], turned_away=100_000) == 8


def test_one_that_comes_back_as_told_is_counted_once() -> None:
    now = 0.0
    turned_away = TurnedAway(lambda: now)
    for _ in range(20):
        turned_away.add(500)
        assert turned_away.count == 1
        now += 0.5
    assert turned_away.count == 0


def test_many_outside_are_each_counted_until_they_are_due() -> None:
    now = 0.0
    turned_away = TurnedAway(lambda: now)
    for retry_after_ms in (750, 250, 500):
        turned_away.add(retry_after_ms)
    assert turned_away.count == 3
    now = 0.3
    assert turned_away.count == 2
    now = 0.6
    assert turned_away.count == 1
