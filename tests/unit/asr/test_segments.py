from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.asr.engine import Hypothesis, Word
from services.asr.segments import Result, Segments, Transcription


def make(first_segment_id: int = 1, **options: Any) -> Segments:
    defaults: dict[str, Any] = {"language": "en-US", "agreement": 2, "interim_results": True, "written": False}
    return Segments(Transcription(**{**defaults, **options}), first_segment_id)


def guess(text: str, final: bool = False) -> Hypothesis:
    words = tuple(Word(word, n * 1000, (n + 1) * 1000, 0.5) for n, word in enumerate(text.split()))
    return Hypothesis(words, final=final)


def hear(segments: Segments, text: str, final: bool = False) -> Result | None:
    return segments.hear(guess(text, final), 100, 9000)


def some(result: Result | None) -> Result:
    assert result is not None
    return result


def test_an_interim_tells_its_concluded_part() -> None:
    segments = make()
    assert some(hear(segments, "i am")).stable_length == 0
    result = some(hear(segments, "i am here"))
    assert (result.text, result.text[: result.stable_length], result.revision) == ("I am here", "I am", 2)


def test_what_tells_nothing_new_is_no_result() -> None:
    segments = make()
    assert hear(segments, "") is None
    assert hear(segments, "here") is not None
    assert hear(segments, "here") is not None  # the same text, but concluded now
    assert hear(segments, "here") is None


def test_a_full_stop_is_no_correction() -> None:
    segments = make()
    hear(segments, "we are here")
    hear(segments, "we are here")
    result = some(hear(segments, "we are here", final=True))
    assert (result.text, result.corrected, result.stable_length) == ("We are here.", False, 12)
    assert result.confidence == 0.5


def test_a_final_that_changes_a_concluded_word_is_a_correction() -> None:
    segments = make()
    hear(segments, "we are near")
    hear(segments, "we are near")
    assert some(hear(segments, "we are nearly there", final=True)).corrected


def test_a_final_that_changes_a_tentative_word_is_none() -> None:
    segments = make()
    hear(segments, "we are near")
    hear(segments, "we are far")
    assert not some(hear(segments, "we are here", final=True)).corrected


def test_numbers_rise_by_one_and_noise_takes_none() -> None:
    segments = make(first_segment_id=7)
    assert hear(segments, "", final=True) is None
    assert some(hear(segments, "one", final=True)).segment_id == 7
    assert hear(segments, "", final=True) is None
    assert some(hear(segments, "two", final=True)).segment_id == 8


def test_an_interim_is_closed_by_a_final_though_nothing_was_said() -> None:
    segments = make()
    hear(segments, "um")
    result = some(hear(segments, "", final=True))
    assert (result.final, result.text, result.segment_id, result.revision) == (True, "", 1, 2)
    assert some(hear(segments, "one", final=True)).segment_id == 2


def test_without_interim_results_a_noise_leaves_nothing() -> None:
    segments = make(interim_results=False)
    assert hear(segments, "um") is None
    assert hear(segments, "", final=True) is None


def test_an_engine_that_writes_is_left_alone() -> None:
    segments = make(written=True)
    assert some(hear(segments, "iPhones, please", final=True)).text == "iPhones, please"


@given(st.lists(st.lists(st.sampled_from(["i", "a", "friday"]), max_size=6), max_size=15))
def test_the_concluded_text_never_changes_within_a_segment(guesses: list[list[str]]) -> None:
    segments = make()
    concluded, revision = "", 0
    for words in guesses:
        result = hear(segments, " ".join(words))
        if result is None:
            continue
        assert result.text.startswith(concluded)
        assert result.stable_length >= len(concluded)
        assert result.revision == revision + 1
        concluded, revision = result.text[: result.stable_length], result.revision
    final = hear(segments, " ".join(guesses[-1] if guesses else []), final=True)
    if final is not None and not final.corrected:
        assert final.text.startswith(concluded)
