"""Concluded text is never taken back, whatever the translator says next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.translation.policy import (
    Endpointed,
    LocalAgreement,
    Policy,
    Retranslate,
    TargetText,
    WaitK,
    policy_of,
)
from services.gateway.values.speech import Transcript
from services.gateway.values.terms import Holding

WORDS = st.lists(st.sampled_from(["el", "gato", "El", "gato,", "come", "pan", "no"]), max_size=8).map(" ".join)


def test_nothing_is_concluded_by_one_translation_alone() -> None:
    assert TargetText(LocalAgreement(0, 0)).revise("hola a todos", "").stable_length == 0


def test_what_two_translations_agree_on_is_concluded() -> None:
    text = TargetText(LocalAgreement(0, 0))
    text.revise("hola a todos los", "")
    caption = text.revise("hola a todas las personas", "")
    assert caption.text[: caption.stable_length] == "hola a"


def test_the_last_words_are_held_back() -> None:
    text = TargetText(LocalAgreement(2, 0))
    text.revise("uno dos tres cuatro", "")
    caption = text.revise("uno dos tres cuatro", "")
    assert caption.text[: caption.stable_length] == "uno dos"


def test_the_words_most_likely_to_change_are_not_shown() -> None:
    text = TargetText(LocalAgreement(held_words=1, masked_words=2))
    assert text.revise("uno dos tres", "").text == "uno"
    assert text.revise("uno dos tres", "").text == "uno dos"  # concluded words are shown, whatever follows


def test_the_first_words_of_a_segment_are_shown_before_any_is_concluded() -> None:
    text = TargetText(LocalAgreement(held_words=1, masked_words=4, first_words=3))
    assert text.revise("el gato negro", "the black").text == "el gato negro"
    assert text.revise("el perro negro grande", "the big black").text == "el"  # concluded: the others are masked now


def test_a_translation_that_turns_is_shown_behind_what_was_concluded() -> None:
    text = TargetText(LocalAgreement(0, 0))
    text.revise("el gato negro", "")
    text.revise("el gato negro", "")
    assert text.revise("un gato negro duerme", "").text == "el gato negro duerme"


def test_the_final_says_what_was_concluded_and_then_only_the_rest() -> None:
    text = TargetText(LocalAgreement(0, 0))
    text.revise("la casa roja", "")
    text.revise("la casa roja", "")
    caption = text.conclude_all("La casa, roja es grande.")
    assert caption.text == "la casa roja es grande."
    assert caption.stable_length == len(caption.text)


def test_a_final_shorter_than_what_was_concluded_keeps_it() -> None:
    text = TargetText(LocalAgreement(0, 0))
    text.revise("uno dos tres", "")
    text.revise("uno dos tres", "")
    assert text.conclude_all("uno").text == "uno dos tres"


POLICIES = st.one_of(
    st.builds(LocalAgreement, st.integers(0, 3), st.integers(0, 3)),
    st.builds(WaitK, st.integers(1, 4)),
    st.just(Endpointed()),
    st.just(Retranslate()),
)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=8), WORDS, POLICIES)
def test_concluded_text_only_grows(revisions: list[tuple[str, str]], final: str, policy: Policy) -> None:
    text = TargetText(policy)
    concluded = ""
    for caption in [*(text.revise(translation, source) for translation, source in revisions), text.conclude_all(final)]:
        now = caption.text[: caption.stable_length]
        assert now.startswith(concluded)
        concluded = now
    assert concluded == caption.text


@given(WORDS)
def test_a_translation_that_repeats_what_was_concluded_adds_nothing(said: str) -> None:
    text = TargetText(LocalAgreement(0, 0))
    text.revise(said, said)
    text.revise(said, said)
    assert text.conclude_all(said).text == said


def test_wait_k_concludes_a_word_for_each_source_word_after_the_first_k() -> None:
    text = TargetText(WaitK(3))
    assert text.revise("uno dos", "one two").stable_length == 0
    assert text.revise("uno dos tres", "one two three").stable_length == len("uno")
    assert text.revise("uno dos tres cuatro", "one two three four").stable_length == len("uno dos")


def test_each_policy_translates_what_it_waits_for() -> None:
    said = Transcript(1, 1, final=False, text="One two thr", stable_length=4)
    policies = (LocalAgreement(2, 0), WaitK(2), Endpointed(), Retranslate())
    assert [policy.source(said) for policy in policies] == ["One", "One", "", "One two thr"]


def test_re_translation_shows_everything_and_concludes_nothing() -> None:
    text = TargetText(Retranslate())
    text.revise("el gato", "the cat")
    caption = text.revise("un perro", "a dog")
    assert (caption.text, caption.stable_length) == ("un perro", 0)


@pytest.mark.parametrize(
    ("name", "policy"), [("agreement", LocalAgreement(2, 0)), ("wait-12", WaitK(12)), ("retranslate", Retranslate())]
)
def test_a_policy_is_chosen_by_name(name: str, policy: Policy) -> None:
    assert policy_of(Holding(name, held_words=2, masked_words=0)) == policy
