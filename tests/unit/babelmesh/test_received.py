"""What a client tells another server of its session when open segments are not shown to it."""

from __future__ import annotations

import pytest

from babelmesh.client.events import ORIGIN_SPOKEN, ORIGIN_TYPED, AsrResult, End, Event, TranslationResult
from babelmesh.client.received import Covered, Received


def _final(number: int, start_ms: int, end_ms: int) -> AsrResult:
    """A segment of speech, or of typed text where it takes no time."""
    origin = ORIGIN_SPOKEN if start_ms < end_ms else ORIGIN_TYPED
    result = AsrResult(segment_id=number, revision=1, final=True, text="word", origin=origin)
    result.start_ms, result.end_ms = start_ms, end_ms
    return result


def _told(received: Received) -> list[int]:
    return [each.transcript.segment_id for each in received.report(None, "s", 0).segments]


@pytest.mark.parametrize(
    ("came", "covered", "whole"),
    [
        ([(2, 0, 900), (3, 1000, 1900)], Covered(1900, 0), Covered(1900, 1)),
        ([(2, 500, 500), (3, 600, 600)], Covered(0, 2), Covered(2000, 2)),
    ],
    ids=["open text", "open speech"],
)
def test_finals_beside_a_segment_that_is_not_shown_are_told_and_covered(
    came: list[tuple[int, int, int]], covered: Covered, whole: Covered
) -> None:
    received = Received(interim=False)
    for number, start_ms, end_ms in came:
        received.take(_final(number, start_ms, end_ms))
    assert _told(received) == [2, 3]
    assert received.covered(None) == covered
    received.take(_final(1, 400, 400) if covered.audio_ms else _final(1, 0, 2000))
    assert _told(received) == [1, 2, 3]
    assert received.covered(None) == whole


def test_with_interim_results_nothing_is_told_behind_a_gap() -> None:
    received = Received()
    received.take(_final(2, 0, 900))
    assert _told(received) == []
    assert received.covered(None) == Covered()


def test_a_target_taken_in_again_before_it_had_ended_ends_twice() -> None:
    received = Received()
    received.targets_set(["es"])
    ended, goes_on = End(target_lang="es"), TranslationResult(segment_id=2, revision=1, target_lang="es")
    ends: list[Event] = [ended, goes_on, ended]
    assert [received.take(event) for event in ends] == [[each] for each in ends]
    assert received.take(ended) == []
