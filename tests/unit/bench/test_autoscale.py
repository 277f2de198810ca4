"""The simulated mesh: it does what our services do, and what Kubernetes does with pods."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from bench.measuring.processes import SERVICES
from bench.scaling.arms import Cpu, External, Fixed, Targets, run
from bench.scaling.device import Calls, Device, Queue, Shape
from bench.scaling.fidelity import driven, flowing, placed
from bench.scaling.fleet import DRAINING, SERVING, STARTING, Fleet, Kind
from bench.scaling.recorded import Recorded
from bench.scaling.recording import Round, parameters
from bench.scaling.reproduced import largest_error, pairs
from bench.scaling.simulation import PATIENCE_TICKS, Mesh
from bench.scaling.targets import Demand
from bench.scaling.traffic import TICK_SECONDS, Arrivals, Scenario, Slower, drawn, scenarios
from services.common.server.slots import reserve
from services.gateway.operations.scale.worth import Measure, worth

RECORDED = Recorded(
    machine="",
    date="",
    mt_finals=0.1,
    mt_revisions=2.0,
    tts_clauses=0.6,
    tts_pieces=2.0,
    gateway_cpu=0.02,
    asr_cpu=0.03,
    gateway_quiet_cpu=0.02,
    asr_quiet_cpu=0.03,
    mt_cpu=0.001,
    tts_cpu=0.001,
    lag_seconds=(1.0, 1.5, 2.0),
    compute_ms=60.0,
    targets=2,
)
FEW = {"gateway": 2, "asr": 2, "mt": 2, "tts": 2}


def quiet(hours: float = 0.1) -> Scenario:
    """A scenario whose sessions the test says itself."""
    return Scenario("quiet", hours, np.zeros_like, 10.0)


def sessions(scenario: Scenario, at_tick: int, count: int, ticks: int) -> Arrivals:
    """So many that come together and stay so long."""
    counts = np.zeros(scenario.ticks, dtype=np.int64)
    counts[at_tick] = count
    return Arrivals(counts, np.full(count, at_tick + ticks), np.full(count, at_tick))


@pytest.mark.parametrize("device", [Device(32, 0.1), Device(8, 0.06)])
@pytest.mark.parametrize("shape", [Shape(), Shape(together=2), Shape(2, pieces=4.2), Shape(2, 4.2, apart=0.4)])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.8])
def test_a_simulated_queue_tells_what_a_real_load_tells(device: Device, shape: Shape, share: float) -> None:
    rate = share * device.capacity()
    real, simulated = driven(device, rate, 64_000 / device.capacity(), shape), flowing(device, rate, shape)
    assert simulated.queue_seconds == pytest.approx(real.queue_seconds, rel=0.15)
    assert simulated.fill == pytest.approx(real.fill, rel=0.05)


def test_two_calls_that_find_the_device_idle_wait_half_a_batch_on_the_mean_as_they_do_when_it_is_busy() -> None:
    device = Device(8, 0.06)
    assert [device.wait(rate, Shape(together=2)) for rate in (0.1, 20.0)] == pytest.approx([0.03, 0.03], rel=0.01)
    assert device.wait(0.1) == pytest.approx(0.0, abs=0.001)


def test_pieces_of_a_call_wait_for_a_whole_batch_each_when_others_are_in_hand_and_not_at_all_when_none_is() -> None:
    device = Device(32, 0.1)
    assert device.wait(100.0, Shape(pieces=5.0)) == pytest.approx((0.05 + 4 * 0.1) / 5, rel=0.01)
    assert device.wait(0.01, Shape(pieces=5.0)) == pytest.approx(0.0, abs=0.001)


def test_callers_who_await_their_answers_crowd_less_than_any_number_of_them() -> None:
    device = Device(8, 0.06)
    assert device.wait(100.0) > device.wait(100.0, callers=20.0) > 0.03


def test_the_last_piece_of_a_clause_is_computed_too_though_it_is_not_full() -> None:
    rounds = [Round(4, 120.0 * n, 30.0, dict.fromkeys(SERVICES, 1.0 * n), voice_seconds=240.0 * n) for n in (1, 2)]
    found = parameters(
        [replace(each, lags=[1.0]) for each in rounds], rounds[0], Counter({"tts.synthesize": 240, "mt.translate": 1})
    )
    assert found.tts_clauses == 1.0  # a second and target
    assert found.tts_pieces == 2.0 + 0.5  # of half a second: two of speech, and half a piece more a clause


def test_the_simulation_tells_what_the_recorded_services_told() -> None:
    assert largest_error(pairs(Recorded.read()), told=True) < 0.15


@pytest.mark.parametrize("count", [10, 58, 90])
def test_as_many_sessions_are_let_in_as_real_slots_let_in_and_are_worth_the_same(count: int) -> None:
    scenario = quiet()
    mesh = Mesh(scenario, sessions(scenario, 0, count, 50), RECORDED, FEW)
    mesh.tick(0)
    kind = scenario.pods["asr"]
    let_in, value = placed(kind.slots, 2, count, reserve(kind.slots, None))
    assert mesh.sessions == let_in
    assert worth(Measure.SLOTS, mesh.fleets["asr"].statuses()) == pytest.approx(value)


def test_a_session_is_rejected_once_it_has_asked_long_enough() -> None:
    scenario = quiet()
    mesh = Mesh(scenario, sessions(scenario, 0, 100, 100), RECORDED, FEW)
    for number in range(PATIENCE_TICKS):
        mesh.tick(number)
    assert (mesh.outcome.rejected, mesh.turned_away) == (0, 42)
    mesh.tick(PATIENCE_TICKS)
    assert (mesh.outcome.rejected, mesh.turned_away) == (42, 0)


def test_a_refused_session_gets_the_slot_that_comes_free_in_time() -> None:
    scenario = quiet()
    mesh = Mesh(scenario, sessions(scenario, 0, 59, 3), RECORDED, FEW)
    for number in range(5):
        mesh.tick(number)
    assert (mesh.outcome.rejected, mesh.sessions) == (0, 1)


def test_an_overloaded_queue_grows_by_what_it_cannot_do() -> None:
    queue = Queue(Device(10, 0.1))
    queue.pass_time(3.0, Calls(150.0), replicas=1)
    assert [queue.backlog, queue.served] == pytest.approx([150.0, 100.0])
    assert queue.wait_seconds > 1.5


def test_elastic_calls_make_room_and_wait_one_round_of_all_callers() -> None:
    queue = Queue(Device(10, 0.1))
    queue.pass_time(3.0, Calls(10.0, 400.0, callers=200.0), replicas=1)
    assert [queue.backlog, queue.served] == pytest.approx([0.0, 100.0])
    assert queue.wait_seconds == pytest.approx(200 / 100 - 0.1)


def test_a_pod_serves_after_its_start_and_costs_from_the_moment_it_is_asked_for() -> None:
    fleet = Fleet(Kind(slots=8, start_seconds=90.0), 0.0, 1)
    fleet.scale(0.0, 2)
    fleet.advance(87.0, 87.0)
    assert (fleet.state[1], fleet.pod_seconds) == (STARTING, 2 * 87.0)
    fleet.advance(90.0, 3.0)
    assert fleet.state[1] == SERVING


def test_pods_that_start_go_first_then_those_with_fewest_streams_which_drain() -> None:
    fleet = Fleet(Kind(slots=8, start_seconds=90.0), 0.0, 3)
    fleet.used[:3] = 5, 2, 7
    fleet.scale(0.0, 4)
    fleet.scale(0.0, 2)
    assert fleet.state[:4].tolist() == [SERVING, DRAINING, SERVING, 0]


def test_sessions_of_a_draining_pod_move_where_there_is_a_slot() -> None:
    scenario = quiet()
    mesh = Mesh(scenario, sessions(scenario, 0, 20, 100), RECORDED, FEW)
    mesh.tick(0)
    mesh.fleets["asr"].scale(mesh.now, 1)
    for number in range(1, 20):
        mesh.tick(number)
    assert (mesh.sessions, mesh.outcome.moved, mesh.outcome.killed) == (20, 10, 0)


def test_sessions_that_fit_nowhere_are_killed_at_the_end_of_the_grace() -> None:
    scenario = quiet()
    mesh = Mesh(scenario, sessions(scenario, 0, 56, 100), RECORDED, FEW)
    mesh.tick(0)
    mesh.fleets["asr"].scale(mesh.now, 1)
    for number in range(1, 30):
        mesh.tick(number)
    assert (mesh.sessions, mesh.outcome.moved, mesh.outcome.killed) == (32, 4, 24)


def test_a_full_recognizer_is_given_more_pods_by_ours_and_by_cpu() -> None:
    scenario = quiet(hours=0.2)
    arrivals = sessions(scenario, 10, 56, 300)
    for arm in (External(Targets()), Cpu(60)):
        assert run(arm, scenario, arrivals, RECORDED, FEW).most["asr"] > 2
    assert run(Fixed(), scenario, arrivals, RECORDED, FEW).most["asr"] == 2


def test_ours_gives_more_pods_to_a_stage_that_slows_down_and_cpu_fewer_of_them() -> None:
    slow = replace(quiet(hours=0.5), slower=Slower("tts", 300.0, 1800.0, 3.0), speech=1.0)
    arrivals = sessions(slow, 0, 56, 600)
    most = [run(arm, slow, arrivals, RECORDED, FEW).most["tts"] for arm in (External(Targets()), Cpu(60))]
    assert most[0] > most[1] == 2


def test_synthesizers_are_asked_for_as_sessions_come_and_not_only_when_they_have_too_much_to_do() -> None:
    scenario = quiet()
    mesh = Mesh(scenario, sessions(scenario, 0, 56, 100), RECORDED, {**FEW, "tts": 1})
    mesh.tick(0)
    fill, queue, by_sessions = External(Targets(fill=0.7, carried=0.2)).proposals("tts", mesh)
    assert by_sessions > max(fill, queue)
    assert External(Targets(carried=None)).proposals("tts", mesh) == [fill, queue, 0]


def test_a_session_that_asr_turned_away_counts_for_every_workload_that_it_will_need() -> None:
    scenario = quiet()
    mesh = Mesh(scenario, sessions(scenario, 0, 76, 100), RECORDED, FEW)
    mesh.tick(0)
    assert (mesh.sessions, mesh.turned_away) == (58, 18)
    carried = mesh.carried("tts")
    (*_, wanted) = External(Targets(carried=10 / carried)).proposals("tts", mesh)
    assert wanted == 8  # 58 are in and 18 outside


def test_every_arm_gets_the_same_sessions_and_the_stadium_ten_thousand() -> None:
    stadium = next(each for each in scenarios() if each.name == "stadium")
    first, again = drawn(stadium), drawn(stadium)
    assert (first.ends == again.ends).all()
    within = slice(round(1800 / TICK_SECONDS), round(2100 / TICK_SECONDS))
    assert first.counts[within].sum() == pytest.approx(10_000, rel=0.05)


def test_a_faster_growth_a_slower_start_and_smaller_pods_lower_the_target() -> None:
    usual = Demand(90.0, 32, growth=0.5, sessions=500.0)
    assert replace(usual, growth=1.0).target < usual.target
    assert replace(usual, start_seconds=240.0).target < usual.target
    assert 0 < usual.target < 1 - reserve(32, None) / 32
