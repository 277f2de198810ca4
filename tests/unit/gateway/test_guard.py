"""A translation that cannot be one is not passed on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.guard import curbed, ran_away

WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=30).map(" ".join)


def test_a_plain_translation_is_left_alone() -> None:
    assert curbed("I was there", "yo estaba allí") == "yo estaba allí"


def test_words_over_and_over_are_cut_after_their_first_saying() -> None:
    assert curbed("I was there", "yo estaba allí allí allí allí allí allí") == "yo estaba allí"
    assert curbed("well then", "pues bien " + "y luego " * 9) == "pues bien y luego"


def test_what_the_speaker_repeats_may_be_repeated() -> None:
    assert not ran_away("no no no no no no", "no no no no no no")


def test_a_translation_far_longer_than_its_source_is_cut() -> None:
    words = " ".join(f"palabra{number}" for number in range(40))
    assert ran_away("one two", words)
    assert len(curbed("one two", words).split()) == 14


def test_one_word_may_need_many() -> None:
    assert not ran_away("Dial", "Marque usted el número que desea en el teclado")


@given(WORDS, WORDS)
def test_what_is_left_is_the_start_and_does_not_run_away(source: str, translation: str) -> None:
    left = curbed(source, translation)
    assert translation.startswith(left)
    assert not ran_away(source, left)
