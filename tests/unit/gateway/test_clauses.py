"""Clauses are the text, cut where a voice may pause."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.clauses import FIRST_WORDS, LATER_WORDS, Clauses


def test_a_sentence_is_a_clause_however_short() -> None:
    assert Clauses().add("Sí. Mañana vengo") == ["Sí."]


def test_the_first_clause_is_short_and_later_ones_are_longer() -> None:
    clauses = Clauses().add(" ".join(str(number) for number in range(40)) + " ")
    assert [len(clause.split()) for clause in clauses[:3]] == [FIRST_WORDS, LATER_WORDS, LATER_WORDS]


def test_a_comma_ends_a_clause_only_after_enough_words() -> None:
    assert Clauses().add("Bueno, creo que sí, pero") == ["Bueno, creo que sí,"]


def test_the_last_word_waits_for_what_may_follow_it() -> None:
    clauses = Clauses()
    assert clauses.add("uno dos tres") == []
    assert clauses.add(" cuatro") == ["uno dos tres"]
    assert clauses.finish() == ["cuatro"]


def test_nothing_is_said_of_an_empty_segment() -> None:
    clauses = Clauses()
    assert clauses.add("  ") + clauses.finish() == []


@given(st.lists(st.text("ab ,.!?\n", max_size=12), max_size=12))
def test_together_the_clauses_are_the_text(pieces: list[str]) -> None:
    clauses = Clauses()
    said = [clause for piece in pieces for clause in clauses.add(piece)] + clauses.finish()
    assert " ".join(said).split() == "".join(pieces).split()
    assert all(said)
