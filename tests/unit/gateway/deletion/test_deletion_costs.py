"""Which pods a scale-in takes first."""

from __future__ import annotations

import pytest

from services.common.states import State
from services.gateway.deletion.costs import CHEAPEST, Pod, changes, cost
from services.gateway.values.stages import Seen, Status


def serving(used: int) -> Status:
    return Status(State.SERVING, 64, used)


@pytest.mark.parametrize(("used", "expected"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 4), (31, 16), (32, 32)])
def test_a_replica_costs_its_streams_in_steps_of_twice_as_many(used: int, expected: int) -> None:
    assert cost("asr", serving(used), None) == cost("gateway", serving(used), None) == expected


@pytest.mark.parametrize("state", [State.UNKNOWN, State.STARTING, State.DRAINING, State.STUCK])
def test_one_that_does_not_serve_is_cheaper_than_one_that_idles(state: State) -> None:
    assert cost("asr", Status(state, 64, 32), 32) == CHEAPEST < cost("asr", serving(0), None)


def test_calls_that_last_a_second_keep_no_replica() -> None:
    assert cost("mt", serving(20), None) == cost("tts", serving(20), None) == 0


def test_a_cost_stands_while_streams_come_and_go_at_its_edge() -> None:
    before, told = None, []
    for used in (7, 8, 7, 8, 6, 7, 8, 5):
        before = cost("asr", serving(used), before)
        told.append(before)
    assert told == [4, 8, 8, 8, 8, 8, 8, 4]


def test_the_last_stream_counts_as_long_as_it_is_there() -> None:
    assert [cost("asr", serving(used), 1) for used in (1, 0)] == [1, 0]


def seen(address: str, used: int = 0, state: State = State.SERVING) -> Seen:
    return Seen(1, Status(state, 8, used), address)


def test_pods_are_found_by_address_and_only_changes_are_written_the_cheapest_first() -> None:
    busy, idle, same = Pod("busy", "192.0.2.1", None), Pod("idle", "fd00::2", 4), Pod("same", "192.0.2.3", 2)
    stage = [seen("192.0.2.1:7701", 4), seen("[fd00::2]:7701"), seen("192.0.2.3:7701", 2), seen("192.0.2.9:7701", 1)]
    assert changes([busy, idle, same], {"asr": stage}) == [(idle, 0), (busy, 4)]


def test_a_stage_of_which_nothing_is_heard_is_left_as_it_is() -> None:
    pods = [Pod("a", "192.0.2.1", 4), Pod("b", "192.0.2.2", 4)]
    lost = [seen(f"{pod.ip}:7701", state=State.UNKNOWN) for pod in pods]
    assert not changes(pods, {"asr": lost, "mt": []})
    heard = [seen("192.0.2.1:7701", 4), lost[1]]
    assert changes(pods, {"asr": heard}) == [(pods[1], CHEAPEST)]


def test_an_address_that_several_pods_share_tells_nothing() -> None:
    pods = [Pod("a", "192.0.2.1", None), Pod("b", "192.0.2.1", None)]
    assert not changes(pods, {"asr": [seen("192.0.2.1:7701", 4)]})
