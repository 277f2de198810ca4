"""Two recognizers need not hear alike."""

from __future__ import annotations

from dataclasses import replace

from services.gateway.recognition.takeover import Seam, Seed, Stretch
from services.gateway.values.speech import Progress, SourceEvent, Transcript

SECOND = 16_000


def said(text: str, concluded: str = "", revision: int = 1, number: int = 1) -> Transcript:
    return Transcript(number, revision, False, text, len(concluded), SECOND, 3 * SECOND)


def final(text: str, revision: int, number: int = 1, start: int = SECOND) -> Transcript:
    return Transcript(number, revision, True, text, len(text), start, start + 2 * SECOND)


def moved(*shown: Transcript) -> Seam:
    """A recognizer died after it had shown this."""
    seam = Seam()
    for each in shown:
        assert seam.result(each, 0) == [each]
    assert [*seam.moved(SECOND // 2)] == []
    return seam


def test_words_that_contradict_concluded_ones_are_held_back() -> None:
    seam = moved(said("the quick brown", "the quick", revision=4))
    assert seam.result(said("a"), 0) == []
    assert seam.result(said("the quite", revision=2), 0) == []
    (shown,) = seam.result(said("the quick red fox", "the", revision=3), 0)
    assert isinstance(shown, Transcript)
    assert (shown.revision, shown.stable_text) == (7, "the quick")


def test_a_word_that_was_concluded_whole_does_not_grow() -> None:
    seam = moved(said("the quick", "the quick"))
    assert seam.result(said("the quickest", revision=2), 0) == []


def test_a_final_that_differs_from_concluded_words_is_flagged() -> None:
    (differs,) = moved(said("the quick", "the quick", revision=2)).result(final("a quick fox", 1), 4 * SECOND)
    assert isinstance(differs, Transcript)
    assert differs.corrected
    assert differs.revision == 3


def test_a_final_that_keeps_what_was_concluded_is_no_correction_whatever_its_recognizer_concluded_meanwhile() -> None:
    its_own = replace(final("the quick fox", 3), corrected=True)
    (same,) = moved(said("the quick", "the quick")).result(its_own, 4 * SECOND)
    assert isinstance(same, Transcript)
    assert not same.corrected


def test_concluded_words_that_the_next_recognizer_hears_nothing_of_still_end_as_a_segment() -> None:
    seam = moved(said("the quick brown", "the quick", revision=4))
    closed, progress = seam.progressed(Progress(5 * SECOND, 4 * SECOND))
    assert isinstance(closed, Transcript)
    assert (closed.text, closed.final, closed.revision, closed.segment_id) == ("the quick", True, 5, 1)
    assert isinstance(progress, Progress)
    (after,) = seam.result(final("and so on", 1, start=5 * SECOND), 8 * SECOND)
    assert isinstance(after, Transcript)
    assert after.segment_id == 2
    assert seam.number(3) == 2


def test_later_words_do_not_become_the_lost_segments() -> None:
    seam = moved(said("the quick", "the"))
    closed, after = seam.result(final("later", 1, start=6 * SECOND), 9 * SECOND)
    assert isinstance(closed, Transcript)
    assert isinstance(after, Transcript)
    assert (closed.text, closed.segment_id, after.text, after.segment_id) == ("the", 1, "later", 2)


def test_left_out_audio_ends_the_open_segment_with_its_concluded_words() -> None:
    seam = moved(said("the quick brown", "the quick", revision=2))
    closed, progress = seam.skipped(Stretch(SECOND // 2, 4 * SECOND))
    assert isinstance(closed, Transcript)
    assert (closed.text, closed.final, closed.revision) == ("the quick", True, 3)
    assert progress == Progress(4 * SECOND, 4 * SECOND)
    assert seam.segment_id == 2


def test_speech_that_was_over_when_its_recognizer_died_ends_for_the_session_too() -> None:
    seam = Seam()
    assert [*seam.event(SourceEvent(True, SECOND))] == [SourceEvent(True, SECOND)]
    seam.result(final("word", 1), 4 * SECOND)
    assert [*seam.moved(4 * SECOND)] == [SourceEvent(False, 3 * SECOND)]


def test_a_resumed_session_goes_on_with_its_open_segment() -> None:
    seam = Seam(Seed(SECOND // 2, 7, said("the quick brown", "the quick", revision=4, number=7), resumed=True))
    assert seam.segment_id == 7
    assert seam.result(said("the", number=7), 0) == []
    (shown,) = seam.result(final("the quick brown fox", 2, number=7), 4 * SECOND)
    assert isinstance(shown, Transcript)
    assert (shown.segment_id, shown.revision, shown.corrected) == (7, 6, False)


def test_a_resumed_session_that_says_nothing_more_keeps_what_was_concluded() -> None:
    seam = Seam(Seed(SECOND // 2, 7, said("the quick brown", "the quick", number=7), resumed=True))
    (closed,) = seam.end()
    assert isinstance(closed, Transcript)
    assert (closed.text, closed.final) == ("the quick", True)


def test_speech_that_the_next_recognizer_hears_nothing_of_has_ended() -> None:
    """The last segment was split: the speech went on behind it, or so it seemed."""
    seam = Seam()
    seam.event(SourceEvent(True, SECOND))
    seam.result(final("word", 1), 3 * SECOND)
    assert [*seam.moved(3 * SECOND)] == []
    assert seam.progressed(Progress(4 * SECOND, 3 * SECOND)) == [Progress(4 * SECOND, 3 * SECOND)]
    ended, _ = seam.progressed(Progress(5 * SECOND, 4 * SECOND))
    assert ended == SourceEvent(False, 3 * SECOND)


def test_speech_that_the_next_recognizer_hears_too_starts_and_ends_once() -> None:
    seam = Seam()
    seam.event(SourceEvent(True, SECOND))
    seam.moved(SECOND // 2)
    assert [*seam.event(SourceEvent(True, SECOND))] == []
    assert len(seam.progressed(Progress(5 * SECOND, SECOND))) == 1
    assert [*seam.event(SourceEvent(False, 4 * SECOND))] == [SourceEvent(False, 4 * SECOND)]


def in_language(text: str, language: str, concluded: str = "", confidence: float = 0.0) -> Transcript:
    """Without a confidence the language is tentative, unless there are concluded words."""
    unsure = not confidence and not concluded
    told = replace(said(text, concluded), language=language, language_confidence=confidence)
    return replace(told, language_tentative=unsure)


def test_the_next_recognizer_is_told_the_language_that_was_decided() -> None:
    seam = moved(in_language("hola a", "es", "hola", confidence=0.9))
    assert seam.language == "es"
    (shown,) = seam.result(in_language("hola a todos", "es", "hola"), 0)
    assert isinstance(shown, Transcript)
    assert shown.language_confidence == 0.9  # which the earlier one found out
    seam.result(final("hola a todos", 2), 4 * SECOND)
    assert not seam.language


def test_a_language_that_was_not_decided_is_found_out_anew() -> None:
    seam = moved(in_language("hold a", "en"))
    assert not seam.language
    (shown,) = seam.result(in_language("hola a todos", "es", "hola"), 0)
    assert isinstance(shown, Transcript)
    assert shown.stable_text == "hola"


def test_words_in_no_decided_language_end_as_nothing() -> None:
    seam = moved(in_language("hold a", "en"))
    (closed, _) = seam.skipped(Stretch(0, 4 * SECOND))
    assert isinstance(closed, Transcript)
    assert (closed.text, closed.final, closed.language_tentative) == ("", True, False)
