"""Audio is left out when two recognizers have died of it, and for nothing less."""

from __future__ import annotations

from services.gateway.recognition.takeover import Stretch, Suspicion


def test_one_death_proves_nothing() -> None:
    assert Suspicion().died(100, 500) is None


def test_two_deaths_on_the_same_audio_prove_it_for_what_both_were_told() -> None:
    suspicion = Suspicion()
    suspicion.died(100, 500)
    assert suspicion.died(200, 400) == Stretch(200, 400)


def test_a_recognizer_that_got_through_clears_it() -> None:
    suspicion = Suspicion()
    suspicion.died(100, 500)
    suspicion.passed(500)
    assert suspicion.died(100, 600) is None


def test_one_that_got_only_so_far_does_not() -> None:
    suspicion = Suspicion()
    suspicion.died(100, 500)
    suspicion.passed(499)
    assert suspicion.died(100, 600) == Stretch(100, 500)


def test_a_recognizer_that_died_before_it_was_told_anything_did_not_die_of_it() -> None:
    suspicion = Suspicion()
    suspicion.died(100, 500)
    assert suspicion.died(100, 100) is None
    assert suspicion.died(100, 600) == Stretch(100, 500)


def test_what_was_finalized_since_is_no_more_suspected() -> None:
    suspicion = Suspicion()
    suspicion.died(100, 500)
    assert suspicion.died(500, 900) is None


def test_behind_what_was_left_out_it_starts_anew() -> None:
    suspicion = Suspicion()
    suspicion.died(100, 500)
    assert suspicion.died(100, 700) == Stretch(100, 500)
    assert suspicion.died(500, 900) is None


def test_what_two_recognizers_say_they_failed_over_is_left_out_though_both_got_through() -> None:
    suspicion = Suspicion()
    assert suspicion.failed(100, 500) is None
    suspicion.passed(500)
    assert suspicion.failed(100, 600) == Stretch(100, 600)


def test_recognizers_that_fail_with_nothing_in_work_are_given_up_after_a_few() -> None:
    suspicion = Suspicion()
    for _ in range(3):
        suspicion.failed(500, 500)
        suspicion.passed(500)
        assert not suspicion.hopeless
    suspicion.failed(500, 500)
    assert suspicion.hopeless
