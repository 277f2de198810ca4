"""What gives way while the mesh cannot keep up: in order, not to and fro, and only for a live speaker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.audio.pcm import ASR_RATE
from services.gateway.account.overload import LEAST_SAMPLES, Level, Overload
from services.gateway.values.terms import OverloadPolicy

BOUND = 4 * ASR_RATE


def overload(policy: OverloadPolicy = OverloadPolicy.SKIP_AHEAD) -> Overload:
    return Overload(policy, BOUND)


@pytest.mark.parametrize(
    ("policy", "furthest"),
    [
        (OverloadPolicy.BLOCK, Level.ALL),
        (OverloadPolicy.CAPTIONS_ONLY, Level.NO_SPEECH),
        (OverloadPolicy.SKIP_AHEAD, Level.SKIPPING),
    ],
)
def test_no_more_gives_way_than_was_agreed(policy: OverloadPolicy, furthest: Level) -> None:
    session = overload(policy)
    session.weigh(10 * BOUND, 0)
    assert session.level is furthest


def test_the_further_behind_the_more_gives_way() -> None:
    session = overload()
    levels = []
    for behind in (0.4, 0.6, 0.8, 1.1):
        session.weigh(round(behind * BOUND), 0)
        levels.append(session.level)
    assert levels == [Level.ALL, Level.NO_INTERIM, Level.NO_SPEECH, Level.SKIPPING]


def test_it_comes_back_one_thing_at_a_time_and_not_at_once() -> None:
    session = overload()
    session.weigh(2 * BOUND, 0)
    levels = []
    for step in range(8):
        session.weigh(0, step * LEAST_SAMPLES // 2)
        levels.append(session.level)
    assert levels == [3, 3, 2, 2, 1, 1, 0, 0]


def test_a_level_is_not_left_before_the_backlog_is_well_below_it() -> None:
    session = overload()
    levels = []
    for step, behind in enumerate((0.8, 0.5, 0.3)):
        session.weigh(round(behind * BOUND), step * LEAST_SAMPLES)
        levels.append(session.level)
    assert levels == [Level.NO_SPEECH, Level.NO_SPEECH, Level.NO_INTERIM]


def test_for_a_recording_nothing_gives_way_and_all_stages_hold() -> None:
    session = overload()
    session.live = False
    session.weigh(10 * BOUND, 0)
    assert session.level is Level.ALL
    assert session.holds("TTS")


@pytest.mark.parametrize(
    ("policy", "holding"),
    [(OverloadPolicy.BLOCK, "ASR MT TTS"), (OverloadPolicy.CAPTIONS_ONLY, "ASR"), (OverloadPolicy.SKIP_AHEAD, "")],
)
def test_what_holds_live_audio_is_what_was_agreed(policy: OverloadPolicy, holding: str) -> None:
    assert [stage for stage in ("ASR", "MT", "TTS") if overload(policy).holds(stage)] == holding.split()


@given(st.lists(st.tuples(st.integers(0, 2 * BOUND), st.integers(0, 3 * LEAST_SAMPLES), st.booleans()), max_size=60))
def test_who_hears_the_news_knows_what_is_spared(steps: list[tuple[int, int, bool]]) -> None:
    session, now = overload(), 0
    spared: set[str] = set()
    for behind, passed, asked in steps:
        now += passed
        session.weigh(behind, now)
        if asked:
            for stage, over in session.news():
                assert (stage in spared) is over
                spared ^= {stage}
            assert spared == {*("MT", "TTS", "ASR")[: session.level]}
