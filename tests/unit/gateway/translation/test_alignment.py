"""A translation goes on behind what was concluded: no word of it is lost, and few are said twice."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.text.concluded import common_prefix
from services.gateway.translation.policy import (
    Endpointed,
    LocalAgreement,
    Policy,
    TargetText,
    alignment,
    bare,
    contradicted,
)
from services.gateway.values.speech import Caption

LETTERS = st.lists(st.sampled_from("abcde"), max_size=8)
FRESH = st.lists(st.sampled_from("vwxyz"), min_size=1, max_size=8)
SENTENCES = st.lists(
    st.sampled_from(["el", "gato", "El", "gato,", "gata", "come", "comen", "pan.", "no", "más"]), max_size=9
)


def final_of(concluded: str, final: str) -> Caption:
    """The final caption of a segment of which so much was concluded."""
    return TargetText(LocalAgreement(0, 0), concluded).conclude_all(final)


@pytest.mark.parametrize(
    ("concluded", "final", "text"),
    [
        (
            "I el que tu et poder era",
            "I quan t'i eres jove i tres.",
            "I el que tu et poder era quan t'i eres jove i tres.",
        ),
        ("la casa roja", "la casa verde es grande", "la casa roja verde es grande"),
        ("me voy a casa", "no quiero nada", "me voy a casa no quiero nada"),
        ("el gato negro", "un gato negro duerme", "el gato negro duerme"),
        ("la casa rojo es muy", "la casa roja es muy grande", "la casa rojo es muy grande"),
        ("voy a casa", "no voy a casa hoy", "voy a casa no voy a casa hoy"),
        ("yo voy ahora", "yo no quiero ir y ahora", "yo voy ahora no quiero ir y ahora"),
        ("un normal PBX, usted va", "un PBX normal, usted va a ver", "un normal PBX, usted va a ver"),
        ("el perro y el", "el gato y el perro", "el perro y el gato y el perro"),
    ],
    ids=[
        "all-other",
        "last-other",
        "nothing-alike",
        "one-other",
        "like-word",
        "a-word-before",
        "words-between",
        "turned-round",
        "in-the-place-of-one-that-comes-later",
    ],
)
def test_a_final_says_behind_what_was_concluded_what_that_does_not_say(concluded: str, final: str, text: str) -> None:
    assert final_of(concluded, final).text == text


@given(LETTERS, FRESH)
def test_no_word_of_a_final_that_has_nothing_in_common_with_what_was_concluded_is_lost(
    concluded: list[str], final: list[str]
) -> None:
    assert final_of(" ".join(concluded), " ".join(final)).text.split() == concluded + final


@given(SENTENCES, SENTENCES)
def test_every_word_behind_the_cut_is_in_the_final_which_starts_with_what_was_concluded(
    concluded: list[str], final: list[str]
) -> None:
    cut = alignment(concluded, final)
    assert final_of(" ".join(concluded), " ".join(final)).text.split() == concluded + final[cut:]


@given(SENTENCES, SENTENCES)
def test_the_last_word_left_out_was_concluded_in_that_form_or_a_like_one(
    concluded: list[str], final: list[str]
) -> None:
    if cut := alignment(concluded, final):
        assert any(common_prefix(bare(word), bare(final[cut - 1])) for word in concluded)


@given(LETTERS, LETTERS)
def test_words_are_left_out_for_others_only_where_as_many_are_found_again(
    concluded: list[str], final: list[str]
) -> None:
    left = final[: alignment(concluded, final)]
    missing = Counter(left) - Counter(concluded)
    assert not missing or 2 * missing.total() < len(concluded)  # else saying all of it again costs less


@given(st.permutations("abcdef"), st.integers(0, 6), FRESH)
def test_words_put_in_before_or_between_what_was_concluded_are_said(
    concluded: list[str], place: int, new: list[str]
) -> None:
    final = [*concluded[:place], *new, *concluded[place:]]
    said = final_of(" ".join(concluded), " ".join(final)).text.split()
    assert said == concluded + final[place:]


@given(LETTERS, LETTERS)
def test_what_begins_with_what_was_concluded_goes_on_behind_it(concluded: list[str], rest: list[str]) -> None:
    assert alignment(concluded, concluded + rest) == len(concluded)
    assert not contradicted(concluded, concluded + rest)


@given(SENTENCES, SENTENCES)
def test_a_final_that_does_not_begin_with_what_was_concluded_is_reported_with_the_translation_alone(
    concluded: list[str], final: list[str]
) -> None:
    caption = final_of(" ".join(concluded), " ".join(final))
    begins = [bare(word) for word in final[: len(concluded)]] == [bare(word) for word in concluded]
    assert caption.retranslation == ("" if begins else " ".join(final))


@pytest.mark.parametrize("policy", [Endpointed(), LocalAgreement(0, 0)])
def test_where_nothing_was_concluded_a_final_is_the_translation(policy: Policy) -> None:
    text = TargetText(policy)
    text.revise("y el que tú", "")
    caption = text.conclude_all("Y cuando eras joven.")
    assert (caption.text, caption.retranslation) == ("Y cuando eras joven.", "")


def test_without_a_translation_what_was_concluded_stands_and_nothing_contradicts_it() -> None:
    caption = final_of("uno dos", "")
    assert (caption.text, caption.retranslation) == ("uno dos", "")


def test_common_prefix_ends_at_the_first_difference() -> None:
    assert common_prefix(["a", "b", "c"], ["a", "b", "d"]) == 2
    assert common_prefix(["a"], ["a", "b"]) == 1
    assert common_prefix([], ["a"]) == 0
