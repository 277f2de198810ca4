"""Concluded text is never taken back, whatever the translator says next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.policy import TargetText, alignment, common_prefix

WORDS = st.lists(st.sampled_from(["el", "gato", "El", "gato,", "come", "pan", "no"]), max_size=8).map(" ".join)


def test_nothing_is_concluded_by_one_translation_alone() -> None:
    assert TargetText(0).revise("hola a todos").stable_length == 0


def test_what_two_translations_agree_on_is_concluded() -> None:
    text = TargetText(held_words=0)
    text.revise("hola a todos los")
    caption = text.revise("hola a todas las personas")
    assert caption.text[: caption.stable_length] == "hola a"


def test_the_last_words_are_held_back() -> None:
    text = TargetText(held_words=2)
    text.revise("uno dos tres cuatro")
    caption = text.revise("uno dos tres cuatro")
    assert caption.text[: caption.stable_length] == "uno dos"


def test_a_translation_that_turns_is_shown_behind_what_was_concluded() -> None:
    text = TargetText(held_words=0)
    text.revise("el gato negro")
    text.revise("el gato negro")
    assert text.revise("un gato negro duerme").text == "el gato negro duerme"


def test_the_final_says_what_was_concluded_and_then_only_the_rest() -> None:
    text = TargetText(held_words=0)
    text.revise("la casa roja")
    text.revise("la casa roja")
    caption = text.finish("La casa, roja es grande.")
    assert caption.text == "la casa roja es grande."
    assert caption.stable_length == len(caption.text)


def test_a_final_shorter_than_what_was_concluded_keeps_it() -> None:
    text = TargetText(held_words=0)
    text.revise("uno dos tres")
    text.revise("uno dos tres")
    assert text.finish("uno").text == "uno dos tres"


@given(st.lists(WORDS, max_size=8), WORDS, st.integers(0, 3))
def test_concluded_text_only_grows(translations: list[str], final: str, held_words: int) -> None:
    text = TargetText(held_words)
    concluded = ""
    for caption in [*map(text.revise, translations), text.finish(final)]:
        now = caption.text[: caption.stable_length]
        assert now.startswith(concluded)
        concluded = now
    assert concluded == caption.text


@given(WORDS)
def test_a_translation_that_repeats_what_was_concluded_adds_nothing(said: str) -> None:
    text = TargetText(held_words=0)
    text.revise(said)
    text.revise(said)
    assert text.finish(said).text == said


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
def test_an_exact_prefix_is_where_alignment_cuts(concluded: list[str], rest: list[str]) -> None:
    assert alignment(concluded, concluded + rest) == len(concluded)


def test_common_prefix_ends_at_the_first_difference() -> None:
    assert common_prefix(["a", "b", "c"], ["a", "b", "d"]) == 2
    assert common_prefix(["a"], ["a", "b"]) == 1
    assert common_prefix([], ["a"]) == 0
