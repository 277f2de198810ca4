from __future__ import annotations

import numpy as np
import pytest

from services.common.text.terminology import Term
from services.mt.engines.onnx.config import Search
from services.mt.engines.onnx.search import Beams
from services.mt.neural.parts import Part, parts, put_together
from services.mt.neural.terms import Words, candidates, missing, places, without, words

CAR, BOAT = Term("car", "coche"), Term("boat", "barco")
ALL = slice(0, 1)


def cut(text: str, prefix: str = "", most: int = 1_000) -> list[Part]:
    return parts(text, prefix, lambda piece: len(piece) <= most)


def test_the_sentences_of_a_text_are_its_parts_with_the_space_between() -> None:
    assert cut("One. Two?\n\nThree") == [Part("One.", " "), Part("Two?", "\n\n"), Part("Three", "")]


@pytest.mark.parametrize("text", ["word " * 50, "x" * 300, "a" * 70 + " b c", "ab" * 40 + " "])
def test_what_is_too_long_is_cut_between_words_or_within_one(text: str) -> None:
    pieces = cut(text, most=60)
    assert all(len(piece.text) <= 60 for piece in pieces)
    assert "".join(piece.text for piece in pieces).replace(" ", "") == text.replace(" ", "")


def test_a_prefix_belongs_to_the_first_sentences_and_ends_within_the_last_of_them() -> None:
    first, second, third = cut("One. Two. Three.", prefix="Uno. Do")
    assert (first.prefix, first.concluded) == ("Uno. ", True)
    assert (second.prefix, second.concluded) == ("Do", False)
    assert third.prefix == ""


def test_a_prefix_with_more_sentences_is_held_by_the_last_part() -> None:
    (only,) = cut("One", prefix="Uno. Dos. Tr")
    assert (only.prefix, only.concluded) == ("Uno. Dos. Tr", False)


TWO, OF_TWO = "We have two of them. The first one is as red as it was.", "Temos duas delas a primeira"


@pytest.mark.parametrize("prefix", [OF_TWO, "Temos duas delas, a primeira é tão.", "Temos duas delas"])
def test_sentences_that_a_prefix_may_span_stay_together(prefix: str) -> None:
    assert cut(f"{TWO} The second is blue.", prefix) == [Part(TWO, " ", prefix), Part("The second is blue.", "")]


def test_a_prefix_that_spans_more_than_fits_is_not_forced() -> None:
    assert [part.prefix for part in cut(TWO, OF_TWO, most=40)] == ["", ""]


def test_a_short_sentence_behind_a_prefix_that_may_span_it_is_neither_lost_nor_forced() -> None:
    assert [part.prefix for part in cut(f"{TWO} See you.", f"{OF_TWO} é tão vermelha como")] == ["", "", ""]


def test_a_prefix_within_a_sentence_leaves_the_next_one_alone() -> None:
    first, second = cut(TWO, "Temos duas")
    assert (first.text, first.prefix, second.prefix) == ("We have two of them.", "Temos duas", "")


def test_what_a_prefix_spans_between_others_is_not_told_apart_by_guessing() -> None:
    text = f"Look here. {TWO} The second is blue as it never was."
    first, rest = cut(text, "Olhe aqui. Temos duas delas e a primeira é tão vermelha. A segunda é azul")
    assert (first.prefix, first.concluded) == ("Olhe aqui. ", True)
    assert rest == Part(
        f"{TWO} The second is blue as it never was.",
        "",
        "Temos duas delas e a primeira é tão vermelha. A segunda é azul",
    )


def test_the_sentences_of_scripts_without_an_alphabet_are_shorter() -> None:
    first, second = cut("This is the first sentence of all. That is the second.", "これは")
    assert (first.prefix, second.prefix) == ("これは", "")


def test_gaps_are_not_doubled_where_a_part_ends_with_one() -> None:
    assert put_together([("Uno. ", " "), ("Dos.", " "), ("", " "), ("Tres", "")]) == "Uno. Dos. Tres"


def test_a_term_is_missing_as_often_as_the_text_has_it_more() -> None:
    assert missing("a car, a boat, a car", "un coche", [CAR, BOAT]) == [BOAT, CAR]
    assert missing("a car", "un coche", [CAR, BOAT]) == []
    assert missing("two boats", "dos naves", [BOAT]) == [BOAT]


def test_a_text_without_a_term_keeps_the_rest() -> None:
    assert without("The car is a car.", CAR) == "The is a ."


def test_the_words_that_lose_most_say_the_term_with_neighbours_that_lose_as_much() -> None:
    said = words([True, True, False, True, True])
    assert said == [Words(0, 1), Words(1, 3), Words(3, 4), Words(4, 5)]
    assert candidates(said, np.array([0.1, 2.0, 3.0, 4.0, 0.2])) == [Words(1, 4), Words(1, 4)]
    assert candidates(said, np.array([0.1, 0.0, 0.2, 0.1, 0.0])) == []


def test_a_short_word_is_not_replaced_with_or_for_the_word_behind_it() -> None:
    said, short = words([True] * 5), [True, False, True, False, True]  # "a transmissão do carro é"
    both_lost, mostly_short = np.array([0.1, 0.2, 2.0, 3.0, 0.1]), np.array([0.1, 0.2, 6.0, 1.0, 0.1])
    assert places(said, both_lost, Words(2, 4), short) == [Words(3, 4)]
    assert places(said, mostly_short, Words(2, 3), short) == [Words(3, 4)]


def test_a_term_that_is_a_short_word_takes_its_place() -> None:
    said, short = words([True] * 3), [False, True, False]
    assert places(said, np.array([0.1, 3.0, 0.2]), Words(1, 2), short) == [Words(1, 2)]


def test_of_several_long_words_fewer_may_be_replaced() -> None:
    said, short = words([True] * 3), [False, False, False]
    found = places(said, np.array([3.0, 2.0, 0.2]), Words(0, 2), short)
    assert found[0] == Words(0, 2)
    assert set(found) == {Words(0, 2), Words(0, 1), Words(1, 2)}


def search(beams: int, early_stopping: bool = False, forced_end: bool = True) -> Beams:
    found = Beams(Search(beams, 1.0, early_stopping, 16, forced_end), places=2, end=0)
    found.join(0, limit=4)
    return found


def test_one_beam_takes_the_likeliest_until_the_end() -> None:
    beams = search(1)
    assert not beams.advance(ALL, np.array([[[5]]]), np.array([[[2.0]]])).ended[0]
    assert not beams.advance(ALL, np.array([[[6]]]), np.array([[[3.0]]])).ended[0]
    assert beams.advance(ALL, np.array([[[0]]]), np.array([[[1.0]]])).ended[0]
    assert beams.found(0)[0][0] == [5, 6, 0]


@pytest.mark.parametrize(("forced", "last"), [(True, 0), (False, 5)])
def test_a_text_ends_where_it_must(forced: bool, last: int) -> None:
    beams = search(1, forced_end=forced)
    ended = [beams.advance(ALL, np.array([[[5]]]), np.array([[[1.0]]])).ended[0] for _ in range(4)]
    assert ended == [False, False, False, True]
    assert beams.found(0)[0][0] == [5, 5, 5, last]


def test_beams_follow_the_best_rows_whichever_they_were() -> None:
    beams = search(2)
    first = beams.advance(ALL, np.array([[[5, 6, 7, 8]] * 2]), np.log([[[0.5, 0.4, 0.06, 0.04]] * 2], dtype=np.float32))
    assert first.ids.tolist() == [[5, 6]]
    assert first.order.tolist() == [[0, 0]]
    scores = np.log([[[0.1, 0.05, 0.01, 0.01], [0.9, 0.05, 0.02, 0.01]]], dtype=np.float32)
    second = beams.advance(ALL, np.array([[[1, 2, 3, 4], [1, 2, 3, 4]]]), scores)
    assert second.ids.tolist() == [[1, 1]]
    assert second.order.tolist() == [[1, 0]]


def test_a_text_that_moves_goes_on_where_it_was() -> None:
    beams = search(1)
    beams.advance(ALL, np.array([[[5]]]), np.array([[[1.0]]]))
    beams.move(0, 1)
    assert beams.advance(slice(1, 2), np.array([[[0]]]), np.array([[[1.0]]])).ended[0]
    assert beams.found(1)[0][0] == [5, 0]
