"""The backlog counts audio the work is behind, and holds past its bound."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.account.account import Backlog, Ticket
from services.gateway.account.overload import Overload
from services.gateway.values.terms import OverloadPolicy


def test_the_recognizer_is_behind_by_what_it_has_not_been_through() -> None:
    backlog = Backlog(bound_samples=100)
    backlog.accept(80, 80)
    backlog.recognized(30)
    assert list(backlog.stages()) == [("ASR", "", 50)]


def test_a_target_is_behind_by_the_audio_since_the_speech_its_oldest_work_is_made_from() -> None:
    backlog = Backlog(bound_samples=100)
    backlog.accept(70, 70)
    backlog.recognized(70)
    first, second = backlog.begin("MT", "es", 10), backlog.begin("MT", "es", 40)
    assert list(backlog.stages()) == [("MT", "es", 60)]
    backlog.close(first)
    assert list(backlog.stages()) == [("MT", "es", 30)]
    backlog.close(second)
    assert list(backlog.stages()) == []


def test_languages_are_behind_each_on_its_own() -> None:
    backlog = Backlog(bound_samples=100)
    backlog.accept(60, 60)
    backlog.recognized(60)
    backlog.begin("TTS", "es", 0)
    backlog.begin("TTS", "ca", 40)
    assert sorted(backlog.stages()) == [("TTS", "ca", 20), ("TTS", "es", 60)]


def test_a_gap_is_no_work_for_the_recognizer() -> None:
    backlog = Backlog(bound_samples=100)
    backlog.accept(10, 10)
    backlog.accept(50, 10_050)
    assert list(backlog.stages()) == [("ASR", "", 60)]
    backlog.recognized(10_000)  # it has jumped over the gap
    backlog.accept(50, 10_100)
    assert list(backlog.stages()) == [("ASR", "", 100)]
    backlog.recognized(10_030)
    assert list(backlog.stages()) == [("ASR", "", 70)]


async def test_there_is_no_room_past_the_bound_until_half_of_it_is_worked_off() -> None:
    backlog = Backlog(bound_samples=100)
    backlog.accept(100, 100)
    await backlog.room()
    backlog.accept(1, 101)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await backlog.room()
    backlog.recognized(50)
    assert backlog.held
    backlog.recognized(51)
    await backlog.room()


@given(
    st.lists(st.tuples(st.sampled_from(["accept", "recognize", "begin", "close"]), st.integers(0, 60)), max_size=40),
    st.sampled_from([OverloadPolicy.BLOCK, OverloadPolicy.CAPTIONS_ONLY, OverloadPolicy.SKIP_AHEAD]),
)
def test_what_is_not_weighed_would_have_changed_nothing(steps: list[tuple[str, int]], policy: OverloadPolicy) -> None:
    """Beside a backlog that is asked each time how far each stage is behind."""
    backlog, weighed, held = Backlog(100, policy), Overload(policy, 100), False
    tickets: list[Ticket] = []
    for step, number in steps:
        if step == "accept":
            backlog.accept(number, backlog.accepted_samples + number)
        elif step == "recognize":
            backlog.recognized(backlog.accepted_samples - number)
        elif step == "begin":
            tickets.append(backlog.begin("MT", "es", backlog.accepted_samples - number))
            continue  # weighed with what comes next
        elif tickets:
            backlog.close(tickets.pop(number % len(tickets)))
        else:
            continue
        stages = backlog.stages()
        weighed.weigh(max((behind for *_, behind in stages), default=0), backlog.accepted_samples)
        holding = max((behind for stage, _, behind in stages if weighed.holds(stage)), default=0)
        held = holding > 100 or (held and holding > 50)
        assert (backlog.overload.level, backlog.held) == (weighed.level, held)
