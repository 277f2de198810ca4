"""The published metrics, against cases worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measuring.metrics import (
    Emission,
    Sentence,
    Sound,
    average_token_delay,
    erasure,
    laal,
    playback,
    resegmented,
    stream_laal,
)


def emitted(text: str, *elapsed: float) -> list[Emission]:
    return [Emission(word, at, at) for word, at in zip(text.split(), elapsed, strict=True)]


def test_laal_is_the_mean_lag_behind_an_even_translator() -> None:
    # Two words a second: 1 - 0, 2 - 0.5, and 2 - 1 for the word at the source's end; the fourth comes after it.
    assert laal([1.0, 1.5, 2.0, 2.0], 2.0, 4) == pytest.approx((1.0 + 1.0 + 1.0) / 3)


def test_laal_takes_the_longer_of_hypothesis_and_reference() -> None:
    assert laal([1.0, 2.0], 2.0, 4) == pytest.approx((1.0 + 1.5) / 2)
    assert laal([1.0, 1.0, 2.0, 2.0], 2.0, 2) == pytest.approx((1.0 + 0.5 + 1.0) / 3)


def test_laal_of_a_sentence_that_begins_after_its_source_is_its_first_delay() -> None:
    assert laal([2.5, 3.0], 2.0, 2) == 2.5


def test_stream_laal_starts_anew_with_each_sentence() -> None:
    words = emitted("uno dos tres cuatro", 1.0, 2.0, 3.0, 4.0)
    sentences = [Sentence("uno dos", 0.0, 2.0), Sentence("tres cuatro", 2.0, 2.0)]
    lag = stream_laal(words, sentences)
    assert lag is not None
    assert lag.aware == pytest.approx(1.0)


def test_stream_laal_leaves_out_a_sentence_without_words() -> None:
    sentences = [Sentence("uno", 0.0, 1.0), Sentence("dos", 1.0, 1.0)]
    lag = stream_laal(emitted("uno", 1.0), sentences)
    assert lag is not None
    assert lag.ideal == pytest.approx(1.0)
    assert stream_laal([], sentences) is None


def test_ideal_and_aware_delays_are_told_apart() -> None:
    lag = stream_laal([Emission("uno", 1.0, 1.4)], [Sentence("uno", 0.0, 2.0)])
    assert lag is not None
    assert (lag.ideal, lag.aware) == (1.0, 1.4)


@pytest.mark.parametrize(
    ("output", "references", "counts"),
    [
        ("a b c d", ["a b", "c d"], [2, 2]),
        ("a x b c d", ["a b", "c d"], [3, 2]),
        ("a c d", ["a b", "c d"], [1, 2]),
        ("c d", ["a b", "c d"], [0, 2]),
        ("a b c d e f", ["a b", "c d"], [2, 4]),
        ("", ["a", "b"], [0, 0]),
        ("a b", ["a", "", "b"], [1, 0, 1]),
    ],
)
def test_an_output_is_cut_where_it_fits_the_references(output: str, references: list[str], counts: list[int]) -> None:
    words = emitted(output, *[0.0] * len(output.split()))
    assert resegmented(words, [Sentence(text, 0.0, 1.0) for text in references]) == counts


@given(st.lists(st.sampled_from("abc")), st.lists(st.lists(st.sampled_from("abc"), max_size=4), min_size=1, max_size=4))
def test_a_cut_loses_no_word(output: list[str], references: list[list[str]]) -> None:
    words = [Emission(word, 0.0, 0.0) for word in output]
    counts = resegmented(words, [Sentence(" ".join(text), 0.0, 1.0) for text in references])
    assert sum(counts) == len(words)
    assert min(counts) >= 0


def test_erasure_counts_the_words_behind_the_first_difference() -> None:
    gone = erasure(["el gato", "el perro come", "el perro come pan"])
    assert (gone.deleted, gone.final) == (1, 4)
    assert gone.normalized == 0.25


def test_text_that_only_grows_erases_nothing() -> None:
    assert erasure(["el", "el gato", "el gato come"]).deleted == 0
    assert erasure([]).normalized == 0


def test_playback_waits_for_what_comes_late_and_queues_what_comes_early() -> None:
    heard = playback([Sound(1.0, 0.5), Sound(1.1, 0.5), Sound(3.0, 1.0)])
    assert heard.ends == pytest.approx(4.0)
    assert heard.most_queued == pytest.approx(1.0)
    assert heard.gaps == 1
    assert heard.gap_seconds == pytest.approx(1.0)


def test_average_token_delay_of_speech_that_follows_at_a_fixed_distance() -> None:
    # The two units of 300 ms that arrive at 0.6 end at 0.9 and 1.2; their sources ended at 0.3 and 0.6.
    assert average_token_delay([Sound(0.6, 0.6)], 2.0) == pytest.approx(0.6)


def test_average_token_delay_matches_nothing_that_was_not_spoken_yet() -> None:
    # Four units for two of source: the last two are matched with the second.
    assert average_token_delay([Sound(0.6, 1.2)], 2.0) == pytest.approx((0.6 + 0.6 + 0.9 + 1.2) / 4)


def test_average_token_delay_goes_on_from_where_a_longer_output_left_the_source() -> None:
    # Chunk one: two units for one of source; so chunk two's unit 3 is matched with source unit 2, not 3.
    sounds = [Sound(0.3, 0.6), Sound(0.9, 0.3)]
    assert average_token_delay(sounds, 2.0) == pytest.approx(((0.6 - 0.3) + (0.9 - 0.3) + (1.2 - 0.6)) / 3)


def test_without_speech_there_is_no_token_delay() -> None:
    assert average_token_delay([], 2.0) is None
