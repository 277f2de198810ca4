from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.asr.engine import Hypothesis, Language, PrefixRules, Word
from services.asr.segments import Bounds, Result, Segments, Transcription


def make(first_segment_id: int = 1, **options: Any) -> Segments:
    defaults: dict[str, Any] = {
        "language": "en-US",
        "prefix": PrefixRules(agreement=2),
        "interim_results": True,
        "written": False,
    }
    return Segments(Transcription(**{**defaults, **options}), first_segment_id)


def guess(text: str, final: bool = False) -> Hypothesis:
    words = tuple(Word(word, n * 1000, (n + 1) * 1000, 0.5) for n, word in enumerate(text.split()))
    return Hypothesis(words, final=final)


def hear(segments: Segments, text: str, final: bool = False) -> Result | None:
    return segments.hear(guess(text, final), Bounds(100, 9000))


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


def test_the_marks_of_concluded_text_stay_though_the_final_hears_other_pauses() -> None:
    segments = make()
    long, short = (
        tuple(Word(text, start, start + 1000, 0.5) for text, start in (("stop", 0), ("go", then), ("on", then + 1000)))
        for then in (6000, 2000)
    )
    bounds = Bounds(0, 9000)
    segments.hear(Hypothesis(long), bounds)
    concluded = some(segments.hear(Hypothesis(long), bounds))
    assert concluded.text[: concluded.stable_length] == "Stop. Go on"
    final = some(segments.hear(Hypothesis(short, final=True), bounds))
    assert (final.text, final.corrected) == ("Stop. Go on.", False)


def test_what_was_cut_off_by_its_length_has_no_full_stop_and_goes_on_without_a_capital() -> None:
    segments = make()
    cut = some(segments.hear(guess("we will", final=True), Bounds(0, 9000, split=True)))
    assert (cut.text, cut.stable_length) == ("We will", 7)
    assert some(hear(segments, "see you")).text == "see you"
    assert some(hear(segments, "see you", final=True)).text == "see you."
    assert some(hear(segments, "so", final=True)).text == "So."


def spaced(texts: list[tuple[str, int]]) -> tuple[Word, ...]:
    """Words with so many hundred samples of silence before each."""
    words: list[Word] = []
    for text, pause in texts:
        start = (words[-1].end_samples if words else 0) + pause * 100
        words.append(Word(text, start, start + 1000, 0.5))
    return tuple(words)


WORDS = st.tuples(st.sampled_from(["i", "a", "friday"]), st.integers(0, 60))


@given(st.lists(st.lists(WORDS, max_size=6), max_size=15), st.booleans())
def test_the_concluded_text_never_changes_within_a_segment(guesses: list[list[tuple[str, int]]], split: bool) -> None:
    segments = make()
    bounds = Bounds(0, 9000, split)
    concluded, revision = "", 0
    for words in guesses:
        result = segments.hear(Hypothesis(spaced(words)), bounds)
        if result is None:
            continue
        assert result.text.startswith(concluded)
        assert result.stable_length >= len(concluded)
        assert result.revision == revision + 1
        concluded, revision = result.text[: result.stable_length], result.revision
    final = segments.hear(Hypothesis(spaced(guesses[-1] if guesses else []), final=True), bounds)
    if final is not None and not final.corrected:
        assert final.text.startswith(concluded)


def test_a_final_that_writes_a_concluded_word_otherwise_is_no_correction() -> None:
    segments = make(written=True)
    hear(segments, "We have also. Installed a")
    hear(segments, "We have also. Installed a set")
    result = some(hear(segments, "We have, also installed a set of sounds.", final=True))
    assert (result.text, result.corrected) == ("We have also. Installed a set of sounds.", False)


def test_a_mark_may_follow_the_last_concluded_word_of_a_final() -> None:
    segments = make(written=True)
    hear(segments, "We are here")
    hear(segments, "We are here")
    result = some(hear(segments, "We are here.", final=True))
    assert (result.text, result.corrected) == ("We are here.", False)


def test_a_word_behind_a_concluded_full_stop_begins_with_a_capital() -> None:
    segments = make(written=True)
    hear(segments, "Congratulations.")
    hear(segments, "Congratulations.")
    assert some(hear(segments, "Congratulations, you have")).text == "Congratulations. You have"
    assert some(hear(segments, "Congratulations, you have it.", final=True)).text == "Congratulations. You have it."


def test_an_abbreviation_ends_no_sentence() -> None:
    segments = make(written=True)
    assert some(hear(segments, "Mr. de Vries of P. van Dam etc. and so on.", final=True)).text.endswith(
        "etc. and so on."
    )


def in_language(text: str, language: Language, final: bool = False) -> Hypothesis:
    return replace(guess(text, final), language=language)


def two_languages() -> Segments:
    texts = {tag: Transcription(tag, PrefixRules(agreement=2), True, True) for tag in ("en", "es")}
    return Segments(texts["en"], 1, texts)


def test_nothing_is_concluded_while_the_language_is_tentative() -> None:
    segments, unsure = two_languages(), Language("en", 0.6, tentative=True)
    for text in ("I am", "I am here", "I am here now"):
        result = some(segments.hear(in_language(text, unsure), Bounds(0, 9)))
        assert (result.stable_length, result.language) == (0, unsure)
    decided = some(segments.hear(in_language("I am here now", Language("en", 0.95)), Bounds(0, 9)))
    assert decided.text[: decided.stable_length] == "I am here now"


def test_words_of_another_language_are_redrawn_and_are_no_correction() -> None:
    segments, unsure = two_languages(), Language("en", 0.6, tentative=True)
    segments.hear(in_language("hold the door", unsure), Bounds(0, 9))
    segments.hear(in_language("hold the door", unsure), Bounds(0, 9))
    shown = some(segments.hear(in_language("hola a todos", Language("es", 0.95)), Bounds(0, 9)))
    assert (shown.text, shown.stable_length, shown.segment_id, shown.revision) == ("hola a todos", 0, 1, 2)
    final = some(segments.hear(in_language("hola a todos", Language("es", 0.95), final=True), Bounds(0, 9)))
    assert (final.language.tag, final.corrected) == ("es", False)


def test_another_engine_of_a_language_leaves_the_open_segment_of_another_language_alone() -> None:
    segments, english, spanish = two_languages(), Language("en", 0.95), Language("es", 0.95)
    segments.hear(in_language("hold the", english), Bounds(0, 9))
    segments.hear(in_language("hold the door", english), Bounds(0, 9))
    segments.turn(Transcription("es", PrefixRules(agreement=1), True, True, tier="small", larger_tiers=1))
    result = some(segments.hear(in_language("hold the door", english), Bounds(0, 9)))
    assert (result.text[: result.stable_length], result.tier) == ("hold the door", "")
    segments.hear(in_language("hold the door", english, final=True), Bounds(0, 9))
    told = some(segments.hear(in_language("hola a todos", spanish), Bounds(0, 9)))
    assert (told.stable_length, told.tier, told.larger_tiers) == (12, "small", 1)


def test_a_session_in_one_language_names_it() -> None:
    assert some(hear(make(), "i am", final=True)).language == Language("en-US")
