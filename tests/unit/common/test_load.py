"""What an engine tells of how busy it is, against sums over every moment of its past."""

from __future__ import annotations

import threading
import tracemalloc
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.engines.load import GRAIN_SECONDS, WINDOW_SECONDS, Load

MOST = 4
LATE = 1e6  # seconds a machine may have been up


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def busy(most: int = 1, start: float = 0.0) -> tuple[Load, Clock]:
    clock = Clock(start)
    return Load("mt", most, clock), clock


@dataclass
class Reference:
    """Keeps everything that ever happened."""

    steps: list[tuple[float, float, int]] = field(default_factory=list)  # from, to, and pieces in work
    waits: list[tuple[float, float]] = field(default_factory=list)  # when one ended, and seconds
    since: list[float] = field(default_factory=list)  # of those that wait

    def fill(self, now: float) -> float:
        begins = now - WINDOW_SECONDS
        seconds = sum(max(0.0, min(to, now) - max(of, begins)) * working for of, to, working in self.steps)
        return seconds / (WINDOW_SECONDS * MOST)

    def queue_seconds(self, now: float) -> float:
        ended = [seconds for when, seconds in self.waits if when > now - WINDOW_SECONDS]
        all_of_them = ended + [now - since for since in self.since]
        return sum(all_of_them) / len(all_of_them) if all_of_them else 0.0


ACTS = st.sampled_from(["work", "rest", "enter", "leave"])


def histories(least_seconds: float) -> st.SearchStrategy[list[tuple[float, str]]]:
    """Pauses, each with what happens behind it."""
    pauses = st.one_of(
        st.floats(least_seconds, least_seconds + GRAIN_SECONDS / 2),
        st.floats(0.1, 3),
        st.floats(WINDOW_SECONDS, 3 * WINDOW_SECONDS),
    )
    return st.lists(st.tuples(pauses, ACTS), max_size=60)


def told(history: list[tuple[float, str]], start: float) -> tuple[Load, Reference, Clock]:
    """A load and the reference, after both were told the same."""
    load, clock = busy(MOST, start)
    reference, working = Reference(), 0
    for pause, act in history:
        reference.steps.append((clock.now, clock.now + pause, working))
        clock.now += pause
        if act in ("work", "rest"):
            more = 1 if act == "work" and working < MOST else -1 if act == "rest" and working else 0
            load.work(more)
            working += more
        elif act == "enter":
            load.enter(len(reference.since))
            reference.since.append(clock.now)
        elif reference.since:
            load.leave(len(reference.since) - 1)
            reference.waits.append((clock.now, clock.now - reference.since.pop()))
    reference.steps.append((clock.now, clock.now + 100 * WINDOW_SECONDS, working))
    return load, reference, clock


@settings(max_examples=150, deadline=None)
@given(histories(least_seconds=2 * GRAIN_SECONDS), st.floats(0, 3 * WINDOW_SECONDS), st.sampled_from([0.0, LATE]))
def test_both_are_the_means_over_the_window_to_the_digit_where_events_are_apart(
    history: list[tuple[float, str]], pause: float, start: float
) -> None:
    load, reference, clock = told(history, start)
    clock.now += pause
    assert load.fill == pytest.approx(reference.fill(clock.now), abs=1e-7)
    assert load.queue_seconds == pytest.approx(reference.queue_seconds(clock.now), abs=1e-7)


@settings(max_examples=150, deadline=None)
@given(histories(least_seconds=0.0), st.floats(0, 2 * WINDOW_SECONDS))
def test_fill_is_off_by_no_more_than_a_grain_however_close_events_are(
    history: list[tuple[float, str]], pause: float
) -> None:
    load, reference, clock = told(history, 0.0)
    clock.now += pause
    assert load.fill == pytest.approx(reference.fill(clock.now), abs=GRAIN_SECONDS / WINDOW_SECONDS)
    assert 0 <= load.fill <= 1 + 1e-9


def test_work_that_comes_and_goes_all_the_time_is_told_as_exactly() -> None:
    """It never rests for as long as a grain, and is at first busier than later."""
    load, clock = busy()
    for busy_seconds in [0.008] * 1_000 + [0.002] * 1_000:
        with load.working():
            clock.now += busy_seconds
        clock.now += 0.010 - busy_seconds
    assert load.fill == pytest.approx(0.2, abs=0.002)
    clock.now += WINDOW_SECONDS / 2
    assert load.fill == pytest.approx(0.1, abs=0.002)


def test_what_worked_all_along_fills_it_though_nothing_has_changed_for_longer_than_the_window() -> None:
    load, clock = busy(most=2)
    clock.now = 100.0
    load.work(1)
    clock.now = 1_000.0
    assert load.fill == pytest.approx(0.5)


def test_an_engine_that_rests_is_empty_after_the_window_and_half_full_in_the_midst_of_it() -> None:
    load, clock = busy()
    with load.working():
        clock.now += 10 * WINDOW_SECONDS
    clock.now += WINDOW_SECONDS / 2
    assert load.fill == pytest.approx(0.5)
    clock.now += WINDOW_SECONDS
    assert load.fill == 0.0


def test_what_waits_counts_from_when_it_came_and_for_a_window_after_it_has_begun() -> None:
    load, clock = busy()
    load.enter("first")
    clock.now = 2.0
    load.enter("second")
    clock.now = 3.0
    assert load.queue_seconds == pytest.approx((3 + 1) / 2)
    load.leave("first", "second", "neither")
    clock.now = 3.0 + WINDOW_SECONDS - 0.01
    assert load.queue_seconds == pytest.approx((3 + 1) / 2)
    clock.now = 3.0 + WINDOW_SECONDS
    assert load.queue_seconds == 0.0


def test_work_that_is_given_up_waits_and_works_no_more() -> None:
    load, clock = busy()
    for block in (load.waiting, load.working):
        with pytest.raises(ValueError, match="gone"), block():
            raise ValueError("gone")
    clock.now += 2 * WINDOW_SECONDS
    assert (load.queue_seconds, load.fill) == (0.0, 0.0)


def test_it_is_as_full_as_its_fullest_part_and_all_that_waits_in_any_counts() -> None:
    load, clock = busy()
    full, idle = load.part(2), load.part(8)
    assert load.most == 8
    full.work(2)
    idle.work(1)
    full.waited(3.0)
    idle.waited(0.0)
    idle.waited(0.0)
    clock.now += WINDOW_SECONDS - GRAIN_SECONDS
    assert load.fill == pytest.approx(1.0, abs=0.01)
    assert load.queue_seconds == pytest.approx(1.0)


def test_it_keeps_little_of_a_past_with_thousands_of_events_a_second() -> None:
    load, clock = busy(most=2)
    tracemalloc.start()
    for _ in range(3_000):  # two windows and a bit
        clock.now += 0.004
        for _ in range(5):
            with load.waiting():
                pass
            with load.working():
                pass
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept_bytes < 200_000


def test_threads_may_tell_it_at_once_and_nothing_is_lost() -> None:
    load = Load("mt", most=8, clock=lambda: 0.0)
    done = threading.Event()

    def pieces(seconds: int) -> None:
        for _ in range(3_000):
            load.waited(seconds)
            with load.waiting(), load.working():
                pass

    def reads() -> None:
        while not done.is_set():
            assert load.queue_seconds >= 0
            assert load.fill == 0

    threads = [threading.Thread(target=pieces, args=(seconds,)) for seconds in range(4)]
    reader = threading.Thread(target=reads)
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    reader.join()
    assert load.queue_seconds == sum(range(4)) * 3_000 / (2 * 4 * 3_000)


def test_an_engine_without_a_place_is_none() -> None:
    with pytest.raises(ValueError, match="not 0"):
        Load("mt", most=0)
