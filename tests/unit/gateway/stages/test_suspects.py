from __future__ import annotations

from services.gateway.stages.replicas import ROOM, SECONDS, Suspects


def test_deaths_count_until_the_question_is_answered() -> None:
    suspects = Suspects()
    suspects.died("a", 0.0)
    suspects.died("b", 1.0)
    suspects.died("a", 2.0)
    assert (suspects.deaths("a", 2.0), suspects.deaths("b", 2.0), suspects.deaths("c", 2.0)) == (2, 1, 0)
    suspects.answered("a")
    suspects.answered("c")
    assert suspects.deaths("a", 2.0) == 0


def test_nothing_is_held_against_a_question_for_ever() -> None:
    suspects = Suspects()
    suspects.died("a", 0.0)
    assert suspects.deaths("a", SECONDS - 1) == 1
    assert suspects.deaths("a", SECONDS) == 0
    suspects.died("a", SECONDS)
    assert suspects.deaths("a", SECONDS) == 1


def test_the_oldest_is_forgotten_first() -> None:
    suspects = Suspects()
    for number in range(ROOM):
        suspects.died(number, 0.0)
    suspects.died(0, 1.0)
    suspects.died("one more", 1.0)
    assert suspects.deaths(0, 1.0) == 2
    assert suspects.deaths(1, 1.0) == 0
