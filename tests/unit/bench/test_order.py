"""The checker of measured sessions sees each thing that may go wrong."""

from __future__ import annotations

import pytest

from babelmesh import AsrResult, End, Error, Flow, TranslationResult, TtsChunk
from babelmesh.client.events import STAGE_TTS, Degraded, Event
from bench.measuring.order import faults
from bench.measuring.take import Take

HERE = "es"


def heard(number: int, text: str, stable: int = 0, revision: int = 1, final: bool = False) -> AsrResult:
    return AsrResult(segment_id=number, text=text, stable_length=stable, revision=revision, final=final)


def translated(number: int, text: str, stable: int = 0, revision: int = 1, final: bool = False) -> TranslationResult:
    return TranslationResult(
        segment_id=number, text=text, stable_length=stable, revision=revision, final=final, target_lang=HERE
    )


def spoken(number: int, offset_ms: int, text: str = "") -> TtsChunk:
    pcm = bytes(3200)
    return TtsChunk(segment_id=number, offset_ms=offset_ms, target_lang=HERE, sample_rate=16_000, data=pcm, text=text)


ENDS = (End(target_lang=HERE), End())

WELL: tuple[Event, ...] = (
    heard(1, "one tow", stable=3),
    translated(1, "uno", stable=3),
    heard(1, "one two", stable=7, revision=2, final=True),
    translated(1, "uno dos", stable=7, revision=2, final=True),
    spoken(1, 0, "uno"),
    spoken(1, 100, "dos"),
    heard(2, "three", final=True),
    translated(2, "tres", final=True),
    spoken(2, 200, "tres"),
    *ENDS,
)


def found(*events: Event) -> list[str]:
    return faults(Take(1.0, [HERE], [(0.0, event) for event in events]))


def test_a_session_in_order_has_no_faults() -> None:
    assert found(*WELL) == []


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ((Error(code="TTS_TOO_SLOW"), *ENDS), "error TTS_TOO_SLOW"),
        ((heard(2, "b", final=True), translated(2, "b", final=True), *ENDS), "transcript: finals of segments [2]"),
        ((heard(1, "a", final=True), *ENDS), "es: not every segment has a final translation"),
        ((heard(1, "a"), *ENDS), "transcript 1: its last result is not its one final"),
        ((heard(1, "a", revision=2), heard(1, "a", final=True), *ENDS), "transcript 1: revisions do not rise"),
        (
            (translated(1, "uno", stable=3), translated(1, "una", revision=2, final=True), *ENDS),
            "es 1: concluded text was taken back",
        ),
        ((spoken(1, 0), spoken(1, 150), *ENDS), "es: speech at 150 ms does not follow what came before"),
        ((spoken(2, 0), spoken(1, 100), *ENDS), "es: speech of segment 1 after that of 2"),
        (
            (spoken(1, 0, "una"), spoken(1, 100, "dos"), translated(1, "uno dos", final=True), *ENDS),
            "es: what was said of segment 1 is not its text",
        ),
        ((End(), End(target_lang=HERE)), "ends: ['', 'es']"),
        ((), "ends: []"),
    ],
)
def test_a_fault_is_named(events: tuple[Event, ...], fault: str) -> None:
    assert fault in found(*events)


def test_a_second_pass_may_correct_a_transcript_but_not_a_translation() -> None:
    corrected = heard(1, "won two", stable=7, revision=3, final=True)
    corrected.corrected = True
    events = (heard(1, "one two", stable=7, revision=2), corrected, translated(1, "uno dos", final=True), *ENDS)
    assert found(*events) == []


def test_a_clause_that_was_left_out_by_name_is_no_fault() -> None:
    gone = Flow(degraded=[Degraded(stage=STAGE_TTS, target_lang=HERE, segment_id=1, text="dos")])
    text = (heard(1, "one two", final=True), translated(1, "uno dos", final=True))
    assert found(spoken(1, 0, "uno"), gone, *text, *ENDS) == []
