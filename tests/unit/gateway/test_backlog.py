"""The backlog counts audio the work is behind, and holds past its bound."""

from __future__ import annotations

import asyncio

import pytest

from services.gateway.backlog import Backlog


def test_the_recognizer_is_behind_by_what_it_has_not_been_through() -> None:
    backlog = Backlog(bound_samples=100)
    backlog.accept(80)
    backlog.recognized(30)
    assert list(backlog.stages()) == [("ASR", "", 50)]


def test_a_target_is_behind_by_the_audio_since_its_oldest_work_began() -> None:
    backlog = Backlog(bound_samples=100)
    backlog.accept(10)
    first, second = backlog.begin("MT", "es"), backlog.begin("MT", "es")
    backlog.accept(60)
    backlog.recognized(70)
    assert list(backlog.stages()) == [("MT", "es", 60)]
    backlog.finish(first)
    assert list(backlog.stages()) == [("MT", "es", 60)]
    backlog.finish(second)
    assert list(backlog.stages()) == []


def test_languages_are_behind_each_on_its_own() -> None:
    backlog = Backlog(bound_samples=100)
    backlog.begin("TTS", "es")
    backlog.accept(40)
    backlog.begin("TTS", "ca")
    backlog.accept(20)
    backlog.recognized(60)
    assert sorted(backlog.stages()) == [("TTS", "ca", 20), ("TTS", "es", 60)]


def test_a_gap_the_recognizer_jumped_over_does_not_count_as_work_done_ahead() -> None:
    backlog = Backlog(bound_samples=100)
    backlog.accept(10)
    backlog.recognized(10_000)  # an offset
    backlog.accept(50)
    assert list(backlog.stages()) == [("ASR", "", 50)]


async def test_there_is_no_room_past_the_bound_until_work_is_done() -> None:
    backlog = Backlog(bound_samples=100)
    backlog.accept(100)
    await backlog.room()
    backlog.accept(1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await backlog.room()
    backlog.recognized(1)  # up to the offset 1
    await backlog.room()
