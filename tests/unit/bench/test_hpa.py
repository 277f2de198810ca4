"""The HPA's arithmetic, against the documentation's examples and the controller's rules."""

from __future__ import annotations

from bench.scaling.hpa import (
    DEFAULT_DOWN,
    DEFAULT_UP,
    Bounds,
    Controller,
    Policy,
    Reading,
    Rules,
    by_average_value,
    by_pods,
    by_utilization,
    initializing,
)

AT_ONCE = Rules(0.0, (Policy("Percent", 1000, 15.0),))


def test_twice_the_wanted_value_doubles_the_replicas_and_half_of_it_halves_them() -> None:
    # The documentation's: a value of 200m, or 50m, where 100m is wanted.
    assert by_pods(Reading(total=0.2 * 4, measured=4), 0.1, current=4) == 8
    assert by_pods(Reading(total=0.05 * 4, measured=4), 0.1, current=4) == 2


def test_what_lies_within_a_tenth_of_the_target_changes_nothing() -> None:
    assert by_pods(Reading(total=10 * 1.09, measured=10), 1.0, current=10) == 10
    assert by_pods(Reading(total=10 * 1.11, measured=10), 1.0, current=10) == 12
    assert by_average_value(7.5 * 1.09, 0.75, 10) == 10
    assert by_average_value(7.5 * 1.12, 0.75, 10) == 12


def test_an_external_sum_is_divided_by_the_target_however_many_pods_are_ready() -> None:
    assert by_average_value(7.5, 0.75, 2) == 10
    assert by_average_value(0.1, 0.75, 2) == 1


def test_utilization_is_a_whole_percent_of_what_the_pods_ask_for() -> None:
    assert by_utilization(Reading(total=2.0, measured=2), 50, current=2) == 4
    # 70.9 percent is counted as 70, which is within a tenth of 64.
    assert by_utilization(Reading(total=3 * 0.709, measured=3), 64, current=3) == 3


def test_unready_pods_count_as_idle_when_more_would_be_wanted() -> None:
    without = by_utilization(Reading(total=3.0, measured=3), 50, current=3)
    damped = by_utilization(Reading(total=3.0, measured=3, unready=3), 50, current=6)
    assert (without, damped) == (6, 6)


def test_unready_pods_do_not_turn_more_into_fewer() -> None:
    # 3 pods at 60 of 50 percent; with 7 idle ones it would be 18 percent: nothing is done.
    assert by_utilization(Reading(total=1.8, measured=3, unready=7), 50, current=10) == 10


def test_unready_pods_are_left_out_when_fewer_would_do() -> None:
    assert by_utilization(Reading(total=0.6, measured=6, unready=2), 50, current=8) == 2


def test_missing_pods_are_busy_when_fewer_would_do_and_idle_when_more() -> None:
    # One of 4 has no metric: 3 at 40 of 50 percent, and it is taken for 100: 55 percent, within the tolerance.
    assert by_utilization(Reading(total=1.2, measured=3, missing=1), 50, current=4) == 4
    assert by_utilization(Reading(total=3.0, measured=3, missing=1), 50, current=4) == 6


def test_without_any_metric_nothing_changes() -> None:
    assert by_utilization(Reading(total=0.0, measured=0, unready=4), 50, current=4) == 4


def test_a_young_pod_counts_once_a_whole_window_was_measured_since_it_was_ready() -> None:
    assert initializing(now=60.0, started=0.0, ready=None, measured=55.0, window=15.0)
    assert initializing(now=60.0, started=0.0, ready=50.0, measured=55.0, window=15.0)
    assert not initializing(now=70.0, started=0.0, ready=50.0, measured=65.0, window=15.0)


def test_an_old_pod_counts_unless_it_was_never_ready() -> None:
    assert not initializing(now=400.0, started=0.0, ready=395.0, measured=396.0, window=15.0)
    assert initializing(now=400.0, started=0.0, ready=None, measured=396.0, window=15.0)


def test_the_largest_proposal_decides() -> None:
    assert Controller(Bounds(1, 100, AT_ONCE)).replicas(0.0, 4, [3, 7, 5]) == 7


def test_the_default_adds_four_pods_or_doubles_in_fifteen_seconds_whichever_is_more() -> None:
    controller = Controller(Bounds(1, 100))
    steps, current = [], 1
    for sync in range(4):
        current = controller.replicas(sync * 15.0, current, [80])
        steps.append(current)
    assert steps == [5, 10, 20, 40]
    assert DEFAULT_UP.stabilization_seconds == 0.0


def test_a_period_counts_what_it_began_with() -> None:
    up = Rules(0.0, (Policy("Percent", 100, 60.0),))
    controller = Controller(Bounds(1, 100, up))
    assert [controller.replicas(0.0, 4, [50]), controller.replicas(15.0, 8, [50])] == [8, 8]
    assert controller.replicas(61.0, 8, [50]) == 16


def test_the_policy_that_changes_least_holds_when_it_is_selected() -> None:
    up = Rules(0.0, (Policy("Percent", 10, 60.0), Policy("Pods", 4, 60.0)), "Min")
    assert Controller(Bounds(1, 100, up)).replicas(0.0, 10, [50]) == 11


def test_scaling_down_can_be_disabled() -> None:
    controller = Controller(Bounds(1, 100, AT_ONCE, Rules(0.0, (), "Disabled")))
    assert controller.replicas(0.0, 10, [1]) == 10


def test_scaling_down_waits_for_the_highest_proposal_of_five_minutes_to_pass() -> None:
    controller = Controller(Bounds(1, 100))
    assert controller.replicas(0.0, 10, [10]) == 10
    assert [controller.replicas(sync * 15.0, 10, [4]) for sync in range(1, 20)] == [10] * 19
    assert controller.replicas(301.0, 10, [4]) == 4
    assert DEFAULT_DOWN.stabilization_seconds == 300.0


def test_ten_percent_a_minute_are_taken_but_at_least_one_pod() -> None:
    down = Rules(0.0, (Policy("Pods", 1, 60.0), Policy("Percent", 10, 60.0)))
    assert Controller(Bounds(1, 100, AT_ONCE, down)).replicas(0.0, 50, [1]) == 45
    assert Controller(Bounds(1, 100, AT_ONCE, down)).replicas(0.0, 5, [1]) == 4


def test_more_than_the_most_or_fewer_than_the_least_are_never_asked_for() -> None:
    assert Controller(Bounds(2, 6)).replicas(0.0, 4, [50]) == 6
    assert Controller(Bounds(2, 6, AT_ONCE, Rules(0.0, (Policy("Pods", 9, 15.0),)))).replicas(0.0, 4, [1]) == 2
