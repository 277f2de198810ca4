from __future__ import annotations

from typing import Any

import pytest

from services.common.neural.queueing import Entry, Item, Limits, Queue, Reason


def queue(limits: Limits = Limits(), *items: Item[Any], entered: float = 0.0) -> Queue[Any, None]:  # noqa: B008 - frozen
    made: Queue[Any, None] = Queue(limits)
    add(made, *items, entered=entered)
    return made


def add(to: Queue[Any, None], *items: Item[Any], entered: float = 0.0) -> list[Entry[Any, None]]:
    entries = [Entry(item, None, entered) for item in items]
    for entry in entries:
        to.add(entry)
    return entries


def idle(waiting: Queue[Any, None], now: float, sessions: str) -> None:
    waiting.idle(now, [Entry(Item(session, session), None, 0.0) for session in sessions])


def taken(from_: Queue[Any, None]) -> list[Any]:
    return [entry.item.asked for entry in from_.take()]


def test_finals_go_before_partials_that_came_first() -> None:
    waiting = queue(Limits(2), Item("p", "a", urgent=False), Item("q", "b", urgent=False), Item("F", "c"))
    assert taken(waiting) == ["F", "p"]
    assert taken(waiting) == ["q"]


def test_nobody_gets_a_second_item_in_before_all_who_wait_had_one() -> None:
    waiting = queue(Limits(3), *(Item(f"a{n}", "a") for n in range(5)), Item("b0", "b"), Item("c0", "c"))
    assert taken(waiting) == ["a0", "b0", "c0"]
    add(waiting, Item("b1", "b"))
    assert taken(waiting) == ["a1", "b1", "a2"]


def test_who_was_served_is_behind_others_in_the_next_batch_too() -> None:
    waiting = queue(Limits(1), Item("a0", "a"), Item("a1", "a"), Item("b0", "b"))
    assert [taken(waiting) for _ in range(3)] == [["a0"], ["b0"], ["a1"]]


def test_items_of_no_session_take_turns_each_by_itself() -> None:
    waiting = queue(Limits(3), Item(1), Item(2), Item("a0", "a"), Item("a1", "a"))
    assert taken(waiting) == [1, 2, "a0"]


def test_a_session_keeps_its_order() -> None:
    waiting = queue(Limits(16), *(Item(n, "a") for n in range(10)))
    assert taken(waiting) == list(range(10))


def test_a_batch_costs_no_more_than_its_limit() -> None:
    waiting = queue(Limits(most_cost=10), Item("a", cost=4), Item("b", cost=4), Item("c", cost=4))
    assert [taken(waiting) for _ in range(2)] == [["a", "b"], ["c"]]


def test_an_item_above_the_cost_limit_goes_alone_and_nothing_overtakes_it() -> None:
    waiting = queue(Limits(most_cost=10), Item("small", cost=1), Item("huge", cost=99), Item("tiny", cost=1))
    assert [taken(waiting) for _ in range(3)] == [["small"], ["huge"], ["tiny"]]


def test_partials_are_not_put_off_forever() -> None:
    waiting = queue(Limits(2), Item("p", "slow", urgent=False))
    batches = []
    for n in range(6):
        add(waiting, Item(f"x{n}", "x"), Item(f"y{n}", "y"))
        batches.append(taken(waiting))
    assert ["p" in batch for batch in batches] == [False, False, False, False, True, False]


def test_what_is_taken_out_is_in_no_batch() -> None:
    waiting = queue()
    first, second, third = add(waiting, Item(1, "a"), Item(2, "a"), Item(3, "b", urgent=False))
    waiting.discard(first)
    waiting.discard(first)
    waiting.discard(third)
    assert waiting.take() == [second]
    waiting.discard(second)
    assert len(waiting) == 0
    assert list(waiting) == []


def test_the_first_item_goes_at_once_and_so_do_several() -> None:
    assert queue(Limits(), Item(1)).reason(0.0) is Reason.ALONE
    assert queue(Limits(), Item(1), Item(2)).reason(0.0) is Reason.IDLE


def test_after_a_batch_its_sessions_are_waited_for_and_no_longer_than_the_limit() -> None:
    waiting = queue(Limits(wait_ms=20))
    idle(waiting, 1.0, "abc")
    add(waiting, Item(1, "a"), Item(2, "b"), entered=1.005)
    assert waiting.reason(1.005) is None
    assert waiting.due == pytest.approx(1.020)
    assert waiting.reason(1.020) is Reason.WAITED
    add(waiting, Item(3, "c"), entered=1.006)
    assert waiting.reason(1.006) is Reason.IDLE


def test_those_that_gathered_during_a_batch_wait_for_those_in_it() -> None:
    waiting = queue(Limits(wait_ms=20), Item(1, "b"), Item(2, "c"), entered=0.5)
    idle(waiting, 1.0, "a")
    assert waiting.reason(1.0) is None
    add(waiting, Item(3, "a"), entered=1.001)
    assert waiting.reason(1.001) is Reason.IDLE


def test_as_many_others_are_as_good() -> None:
    waiting = queue(Limits(wait_ms=20))
    idle(waiting, 1.0, "ab")
    add(waiting, Item(1, "c"), Item(2, "d"), entered=1.001)
    assert waiting.reason(1.001) is Reason.IDLE


def test_a_session_that_is_alone_never_waits() -> None:
    waiting = queue(Limits(wait_ms=20))
    for second, session in enumerate("aaaba"):
        idle(waiting, second, "a")
        add(waiting, Item(second, session), entered=second + 0.001)
        assert waiting.reason(second + 0.001) is Reason.ALONE
        waiting.take()


def test_all_being_back_is_enough_though_others_have_left() -> None:
    waiting = queue(Limits(wait_ms=20))
    (leaving,) = add(waiting, Item(1, "b"), entered=0.5)
    idle(waiting, 1.0, "a")
    waiting.discard(leaving)
    add(waiting, Item(2, "a"), entered=1.001)
    assert waiting.reason(1.001) is Reason.ALONE


def test_items_of_no_session_are_not_expected_back() -> None:
    waiting = queue(Limits(wait_ms=20))
    waiting.idle(1.0, [Entry(Item(n), None, 0.5) for n in range(8)])
    add(waiting, Item(1), entered=1.0)
    assert waiting.reason(1.0) is Reason.ALONE


def test_who_comes_when_nobody_is_expected_any_more_does_not_wait() -> None:
    waiting = queue(Limits(wait_ms=20))
    idle(waiting, 1.0, "abcd")
    add(waiting, Item(1, "a"), entered=1.5)
    assert waiting.reason(1.5) is Reason.ALONE


def test_sessions_that_come_back_late_time_and_again_are_waited_for_ever_more_seldom() -> None:
    waiting = queue(Limits(wait_ms=20))
    waited = []
    for second in range(100):
        idle(waiting, second, "abcd")
        add(waiting, Item(1, "a"), entered=second + 0.001)
        waited.append(waiting.reason(second + 0.001) is None)
        waiting.take()
    assert [second for second, did in enumerate(waited) if did] == [0, 2, 6, 14, 30, 62, 94]


def test_a_full_batch_says_nothing_about_who_comes_back() -> None:
    waiting = queue(Limits(2, wait_ms=20))
    for second in range(5):
        add(waiting, Item(1, "c"), Item(2, "d"), entered=second)
        idle(waiting, second, "ab")
        waiting.take()
    idle(waiting, 9.0, "ab")
    add(waiting, Item(1, "a"), entered=9.001)
    assert waiting.reason(9.001) is None


def test_once_they_come_back_in_time_they_are_waited_for_every_time_again() -> None:
    waiting = queue(Limits(wait_ms=20))
    waited = []
    for second in range(10):
        idle(waiting, second, "ab")
        add(waiting, Item(1, "a"), entered=second + 0.001)
        waited.append(waiting.reason(second + 0.001) is None)
        if second > 1:
            add(waiting, Item(2, "b"), entered=second + 0.002)
        waiting.take()
    assert waited == [True, False, *[True] * 8]


def test_an_item_may_wait_less_or_not_at_all() -> None:
    waiting = queue(Limits(wait_ms=20))
    idle(waiting, 1.0, "abcd")
    add(waiting, Item(1, "a"), entered=1.001)
    add(waiting, Item(2, "b", max_wait_ms=5), entered=1.002)
    assert waiting.due == pytest.approx(1.007)
    add(waiting, Item(3, "c", max_wait_ms=0), entered=1.003)
    assert waiting.reason(1.003) is Reason.WAITED


def test_waiting_for_a_busy_device_is_not_waiting_for_others() -> None:
    waiting = queue(Limits(wait_ms=20), Item(1, max_wait_ms=5), entered=0.1)
    idle(waiting, 1.0, "abcd")
    assert waiting.due == pytest.approx(1.005)


def test_without_a_wait_what_gathered_goes_as_soon_as_the_device_is_idle() -> None:
    waiting = queue(Limits(wait_ms=0), Item(1, "b"), entered=0.5)
    idle(waiting, 1.0, "a")
    assert waiting.reason(1.0) is Reason.ALONE


def test_a_full_batch_waits_for_nobody() -> None:
    by_items = queue(Limits(2))
    idle(by_items, 1.0, "abcd")
    add(by_items, Item(1), Item(2), entered=1.0)
    assert by_items.reason(1.0) is Reason.FULL
    by_cost = queue(Limits(most_cost=10))
    idle(by_cost, 1.0, "abcd")
    add(by_cost, Item(1, cost=10), entered=1.0)
    assert by_cost.reason(1.0) is Reason.FULL


def test_the_queue_has_an_end() -> None:
    waiting = queue(Limits(queue_items=2), Item(1))
    assert not waiting.overfull
    add(waiting, Item(2, urgent=False))
    assert waiting.overfull


@pytest.mark.parametrize("wrong", [{"most_items": 0}, {"most_cost": 0}, {"queue_items": 0}, {"wait_ms": -1.0}])
def test_limits_that_nothing_could_keep_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)
