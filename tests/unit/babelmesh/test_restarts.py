from __future__ import annotations

from itertools import accumulate

from babelmesh.local.restarts import Backoff


def test_the_pauses_double_up_to_five_seconds() -> None:
    lives = [None, 1.0, 1.0, 9.0, None, 1.0, 1.0]
    backoffs = list(accumulate(lives, Backoff.after, initial=Backoff()))
    assert [backoff.pause_seconds for backoff in backoffs[1:]] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_service_that_worked_for_a_while_starts_again_soon() -> None:
    assert Backoff(pause_seconds=5.0).after(10.0) == Backoff(0.2)


def test_five_ends_in_a_row_without_having_been_ready_are_too_many() -> None:
    backoffs = list(accumulate([None] * 5, Backoff.after, initial=Backoff()))
    assert [backoff.hopeless for backoff in backoffs] == [False] * 5 + [True]
    assert not backoffs[4].after(0.1).after(None).hopeless
