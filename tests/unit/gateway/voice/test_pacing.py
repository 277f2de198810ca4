"""A voice keeps up with the speaker: faster by steps, back to normal after, and past a bound by leaving clauses out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.voice.pacing import Said, simulate, without_pause
from services.common.audio.pcm import ASR_RATE
from services.gateway.values.speech import AHEAD_SAMPLES, Moment, Pace
from services.gateway.voice.pacing import (
    EASE_SAMPLES,
    FASTEST,
    FASTEST_CATCH_UP,
    FULL_SAMPLES,
    RATE_STEP,
    Pacing,
    Playout,
)

S = ASR_RATE  # samples a second
NEVER = 3600 * S
LAGS = st.lists(st.integers(0, 60 * S), max_size=60)


def talk(clauses: list[tuple[int, float]], max_lag: int = NEVER, speaking_rate: float = 1.0) -> list[Said]:
    return simulate(clauses, Pacing(speaking_rate, max_lag))


def test_three_minutes_that_take_a_quarter_longer_to_say_do_not_fall_behind() -> None:
    said = talk(without_pause(3, 1.25))
    lags = [each.lag for each in said]
    half = len(lags) // 2
    assert not any(each.rate == 0 for each in said)
    assert max(lags) < FULL_SAMPLES + 2 * S
    assert max(lags[half:]) <= max(lags[:half])
    # Without catching up they would end 45 s behind.
    assert lags[-1] < 8 * S


def test_an_hour_of_it_ends_no_further_behind_than_its_first_without_pause() -> None:
    lags = [each.lag for each in talk(without_pause(60, 1.25))]
    assert max(lags[-60:]) <= max(lags[:60])


@given(st.lists(st.tuples(st.integers(S // 2, 5 * S), st.floats(0.5, 1.3)), max_size=200))
def test_no_speaker_within_reach_of_the_fastest_rate_is_lost(clauses: list[tuple[int, float]]) -> None:
    said = talk(clauses)
    # It takes seven clauses to get up to speed; the longest takes a second and a half too long.
    assert max((each.lag for each in said), default=0) < FULL_SAMPLES + 7 * 2 * S


def test_a_voice_in_time_speaks_as_it_was_asked_to() -> None:
    assert {each.rate for each in talk([(2 * S, 0.9)] * 60, speaking_rate=1.2)} == {1.2}


def test_after_catching_up_it_is_back_to_normal() -> None:
    rates = [each.rate for each in talk([*without_pause(1, 1.3), *without_pause(1, 0.7)])]
    assert max(rates) > 1.15
    assert rates[-1] == 1.0


@given(LAGS, st.floats(0.5, 2.0))
def test_the_rate_moves_in_small_steps_between_what_was_asked_and_its_bound(lags: list[int], asked: float) -> None:
    pacing = Pacing(asked, NEVER)
    paces = [pacing.next(lag) for lag in lags]
    rates = [asked, *(pace.speaking_rate for pace in paces if pace)]
    assert all(asked - 0.001 <= rate <= min(FASTEST, asked * FASTEST_CATCH_UP) + 0.001 for rate in rates)
    assert all(abs(after - before) <= asked * RATE_STEP + 0.002 for before, after in pairwise(rates))
    assert all((pace.longest_pause_ms > 0) == (pace.speaking_rate > asked) for pace in paces if pace)


def test_a_voice_with_less_ease_hurries_earlier() -> None:
    patient, eager = Pacing(1.0, NEVER), Pacing(1.0, NEVER, EASE_SAMPLES // 2)
    assert patient.next(EASE_SAMPLES) == Pace(1.0)
    assert (pace := eager.next(EASE_SAMPLES)) is not None
    assert pace.speaking_rate > 1.0


def test_pauses_are_cut_only_while_it_is_behind() -> None:
    pacing = Pacing(1.0, NEVER)
    behind, in_time = pacing.next(FULL_SAMPLES), pacing.next(EASE_SAMPLES)
    assert behind is not None
    assert in_time is not None
    assert behind.longest_pause_ms > 0 == in_time.longest_pause_ms


@given(LAGS, st.integers(S, 20 * S))
def test_a_clause_is_left_out_only_past_the_bound_or_on_the_way_back_to_half_of_it(lags: list[int], most: int) -> None:
    pacing, before = Pacing(1.0, most), False
    for lag in lags:
        left_out = pacing.next(lag) is None
        assert left_out == (lag > (most // 2 if before else most))
        before = left_out


def test_a_hopeless_voice_stays_within_its_bound_and_still_speaks() -> None:
    said = talk(without_pause(5, 2.5), max_lag=10 * S)
    longest = 5 * S * 3
    assert max(each.lag for each in said) <= 10 * S + longest
    assert 0.2 < sum(each.rate == 0 for each in said) / len(said) < 0.7


@pytest.mark.parametrize("ahead", [0, AHEAD_SAMPLES])
def test_live_speech_is_as_late_as_the_audio_that_came_since(ahead: int) -> None:
    moment = Moment(accepted_samples=10 * S, now_samples=10 * S - ahead)
    assert moment.since(7 * S) == 3 * S


def test_a_recording_sent_faster_than_real_time_is_behind_only_by_what_takes_longer_to_say() -> None:
    moment, playout = Moment(accepted_samples=60 * S, now_samples=2 * S), Playout()
    assert (moment.live, moment.since(7 * S)) == (False, 0)
    playout.sent(4 * S, moment.heard_at(5 * S))
    assert playout.left(moment.heard_at(7 * S)) == 2 * S
    assert playout.left(moment.heard_at(20 * S)) == 0


def test_silence_between_is_no_speech_to_wait_for() -> None:
    playout = Playout()
    playout.sent(2 * S, 1 * S)
    playout.sent(2 * S, 10 * S)
    assert playout.left(11 * S) == S


def test_what_was_dropped_is_not_waited_for() -> None:
    playout = Playout()
    playout.sent(9 * S, 0)
    playout.drop(2 * S)
    assert playout.left(2 * S) == 0
