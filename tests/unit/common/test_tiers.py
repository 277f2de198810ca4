from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from services.common.engines.tiers import IDLE_SECONDS, Asked, Choice, Ladder, Reason, Rules, Tier

SMALL, MIDDLE, LARGE = 0, 1, 2
TIERS = (Tier("small", 0.05, 0.05), Tier("middle", 0.2, 0.2), Tier("large", 0.8, 0.6))
OBJECTIVE = 1.0


@dataclass
class Talk:
    """Sessions on a ladder, and a clock that stands still unless it is told."""

    ladder: Ladder = field(default_factory=lambda: Ladder(TIERS, Rules(cores=2.0, calm_seconds=20)))
    now: float = 0.0

    def asks(self, session: object, objective: float = OBJECTIVE, queue: tuple[float, ...] = ()) -> Choice:
        return self.ladder.pick(self.now, Asked(session, objective, queue))

    def speaks(self, session: object, answered_in: float, objective: float = OBJECTIVE) -> Choice:
        """One utterance of three seconds, and its answer."""
        chosen = self.asks(session, objective)
        self.now += 3.0
        self.ladder.answered(self.now + answered_in, self.now, answered_in, objective)
        return chosen


def test_a_ladder_without_tiers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one tier"):
        Ladder(())


def test_a_new_session_gets_the_largest_tier_that_there_is_room_for() -> None:
    talk = Talk()
    assert [talk.asks(name).tier for name in "ab"] == [LARGE, LARGE]
    assert talk.asks("c") == Choice(MIDDLE, larger=1)
    assert talk.ladder.in_use(talk.now) == [0, 1, 2]


def test_a_short_budget_gets_a_tier_that_answers_within_it() -> None:
    talk = Talk()
    assert talk.asks("hasty", objective=0.3).tier == MIDDLE
    assert talk.asks("hastiest", objective=0.1).tier == SMALL
    assert talk.asks("patient", objective=3.0).tier == LARGE


def test_a_session_that_no_tier_answers_in_time_gets_the_smallest() -> None:
    assert Talk().asks("hopeless", objective=0.01).tier == SMALL


def test_a_tier_that_much_waits_for_is_passed_over() -> None:
    assert Talk().asks("a", queue=(0.0, 0.0, 0.9)).tier == MIDDLE


def test_a_session_keeps_its_tier_while_answers_are_quick() -> None:
    talk = Talk()
    assert {talk.speaks("a", answered_in=0.2).tier for _ in range(20)} == {LARGE}


def test_late_answers_take_the_next_smaller_tier_at_once() -> None:
    talk = Talk()
    talk.speaks("a", answered_in=1.2)
    talk.speaks("a", answered_in=1.2)
    assert talk.asks("a") == Choice(MIDDLE, larger=1, changed=Reason.SLIPPED)
    assert talk.asks("b").tier == MIDDLE


def test_one_late_answer_alone_changes_nothing() -> None:
    talk = Talk()
    talk.speaks("a", answered_in=1.2)
    talk.speaks("a", answered_in=0.1)
    assert talk.asks("a").tier == LARGE


def test_answers_that_come_close_to_their_objective_step_down_before_one_is_late() -> None:
    talk = Talk()
    for _ in range(3):
        talk.speaks("a", answered_in=0.8)
    assert talk.asks("a").tier == MIDDLE


def test_answers_to_what_was_asked_before_a_step_do_not_cause_another_one() -> None:
    talk = Talk()
    for name in "ab":
        talk.speaks(name, answered_in=1.5)
    for name in "aaaaaa":
        talk.ladder.answered(talk.now, talk.now - 2.0, 1.5, OBJECTIVE)
        assert talk.asks(name).tier == MIDDLE


def test_a_larger_tier_comes_back_after_a_calm_and_one_step_at_a_time() -> None:
    talk = Talk()
    for _ in range(2):
        talk.speaks("a", answered_in=1.2)
    talk.now += 1.0
    for _ in range(2):
        talk.speaks("a", answered_in=1.2)
    assert talk.asks("a").tier == SMALL
    fell_at, tiers = talk.now, [SMALL]
    while talk.now < fell_at + 60:
        chosen = talk.speaks("a", answered_in=0.1)
        if chosen.tier != tiers[-1]:
            assert chosen.changed is Reason.RECOVERED
            assert talk.now - fell_at >= 20 * len(tiers)
            tiers.append(chosen.tier)
    assert tiers == [SMALL, MIDDLE, LARGE]


def test_sessions_rise_one_after_the_other_and_only_as_far_as_there_is_room() -> None:
    talk = Talk()
    names = "abcd"
    for _ in range(2):
        for name in names:
            talk.speaks(name, answered_in=1.2)
    rises = []
    for _ in range(100):
        for name in names:
            if talk.asks(name).changed is Reason.RECOVERED:
                rises.append(talk.now)
            talk.ladder.answered(talk.now, talk.now, 0.1, OBJECTIVE)
        talk.now += 1.0
    assert all(later - earlier >= 2.0 for earlier, later in pairwise(rises))
    assert talk.ladder.in_use(talk.now) == [0, 3, 1]  # 0.8 + 3 x 0.2 of the 1.6 cores that may be risen to


def test_a_tier_that_slips_each_time_it_is_tried_is_tried_less_and_less_often() -> None:
    talk = Talk()
    tried = []
    for _ in range(400):
        chosen = talk.asks("a")
        if chosen.changed is Reason.RECOVERED:
            tried.append(talk.now)
        talk.now += 3.0
        talk.ladder.answered(talk.now, talk.now - 0.1, 1.5 if chosen.tier == LARGE else 0.1, OBJECTIVE)
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert len(pauses) >= 3
    assert all(later >= 1.5 * earlier for earlier, later in pairwise(pauses[:3]))


def test_the_room_of_a_session_that_left_or_fell_silent_is_given_to_another() -> None:
    talk = Talk()
    for name in "abc":
        talk.asks(name)
    talk.ladder.left("a")
    assert talk.asks("d").tier == LARGE
    talk.now += IDLE_SECONDS + 1
    assert talk.asks("e").tier == LARGE
    assert talk.ladder.in_use(talk.now) == [0, 0, 1]


def test_a_session_steps_down_when_others_fill_the_cores() -> None:
    talk = Talk(Ladder((Tier("small", 0.1, 0.1), Tier("large", 0.9, 0.5)), Rules(cores=1.0)))
    assert talk.asks("a").tier == 1
    assert talk.asks("b").tier == 0
    assert talk.asks("c").tier == 0
    assert talk.asks("a") == Choice(0, larger=1, changed=Reason.CROWDED)


def test_tiers_of_unknown_cost_are_judged_by_their_answers_alone() -> None:
    talk = Talk(Ladder((Tier("small"), Tier("large")), Rules(cores=1.0)))
    assert [talk.asks(number).tier for number in range(10)] == [1] * 10
    talk.speaks(0, answered_in=2.0)
    talk.speaks(1, answered_in=2.0)
    assert talk.asks(2).tier == 0


def test_a_session_whose_tier_was_decided_elsewhere_counts_as_load() -> None:
    talk = Talk()
    for name in "ab":
        talk.ladder.put(talk.now, name, LARGE)
    assert talk.ladder.in_use(talk.now) == [0, 0, 2]
    assert talk.asks("c").tier == MIDDLE
