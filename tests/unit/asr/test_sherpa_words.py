from __future__ import annotations

from pathlib import Path

from services.asr.engine import Word
from services.asr.engines.sherpa.hotwords import Alphabet, alphabet
from services.asr.engines.sherpa.words import Told, words
from services.asr.neural.word_times import Bounds

BOUNDS = Bounds(100_000, 132_000)
CAPITALS = Alphabet(frozenset("ANDREUY"), capitals=True, written=False)


def test_a_word_lasts_until_the_next_as_long_as_words_do() -> None:
    told = Told("good morning all", (" good", " mor", "ning", " all"), (0.1, 0.5, 0.6, 1.6), (0.0, 0.0, 0.0, 0.0))
    assert words(told, BOUNDS, token_seconds=0.08) == (
        Word("good", 101_600, 108_000, 1.0),
        Word("morning", 108_000, 118_880, 1.0),  # half a second behind its last token; then it was silent
        Word("all", 125_600, 132_000, 1.0),
    )


def test_a_word_ends_where_the_next_begins_and_no_later_than_its_segment() -> None:
    told = Told("a b", (" a", " b"), (0.0, 0.04))
    found = words(told, Bounds(0, 1_000), token_seconds=0.08)
    assert [(word.start_samples, word.end_samples) for word in found] == [(0, 640), (640, 1_000)]


def test_tokens_that_a_paraformer_glues_make_one_word() -> None:
    told = Told("translate this", ("trans@@", "late", "this"), (0.0, 0.2, 0.4))
    assert [word.text for word in words(told, BOUNDS, 0.06)] == ["translate", "this"]


def test_without_times_words_share_the_segment_by_their_letters() -> None:
    found = words(Told("ab cdef"), Bounds(0, 600), 0.2)
    assert [(word.start_samples, word.end_samples) for word in found] == [(0, 200), (200, 600)]


def test_tokens_that_do_not_spell_the_text_tell_no_places() -> None:
    told = Told("It's 5.", ("it", "s", "five"), (0.0, 0.1, 0.2))
    found = words(told, Bounds(0, 600), 0.2)
    assert [word.text for word in found] == ["It's", "5."]
    assert found[-1].end_samples == 600


def test_a_words_confidence_is_the_mean_of_its_tokens() -> None:
    told = Told("ok", ("o", "k"), (0.0, 0.1), (-0.2, -0.4))
    assert words(told, BOUNDS, 0.08)[0].confidence == 0.74


def test_terms_are_written_as_the_model_writes() -> None:
    assert CAPITALS.hotwords(["Andy", "Red  Rudd"]) == "ANDY/RED RUDD"
    assert CAPITALS.plain("ANDY") == "andy"


def test_a_term_with_a_letter_the_model_does_not_have_is_left_out() -> None:
    assert CAPITALS.hotwords(["Ñandú", "Andy"]) == "ANDY"


def test_a_model_with_both_cases_takes_terms_as_they_are(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.txt"
    tokens.write_text("<unk> 0\n▁a 1\na 2\nB 3\n<blk> 4\n", encoding="utf-8")
    found = alphabet(tokens)
    assert (found.capitals, found.written) == (False, True)
    assert found.hotwords(["aB"]) == "aB"
