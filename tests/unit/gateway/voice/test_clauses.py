"""Clauses are the text, cut where a voice would breathe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.voice.clauses import (
    FEWEST_WORDS,
    FIRST_WORDS,
    LATER_WORDS,
    SPARE_WORDS,
    WAIT_SAMPLES,
    Clauses,
    leaning,
)

TEXT = "la casa de y el perro que, ladra. corre (sí) Sr. l'eau ¿no? en un jardín grande"
WORDS = st.sampled_from(TEXT.split())
PIECES = st.lists(st.lists(WORDS, max_size=9), max_size=12)


def said(lang: str, pieces: list[list[str]], pace_samples: int = 0) -> list[str]:
    clauses = Clauses(lang)
    spoken = [clause for at, piece in enumerate(pieces) for clause in clauses.add(" ".join(piece), at * pace_samples)]
    return spoken + clauses.rest()


def test_a_sentence_is_a_clause_however_short() -> None:
    assert Clauses("es").add("Sí. Mañana vengo") == ["Sí."]


def test_the_first_clause_is_short_and_later_ones_are_longer() -> None:
    first, *later = Clauses().add(" ".join(str(number) for number in range(60)))
    assert len(first.split()) == FIRST_WORDS + SPARE_WORDS  # there is more to choose from than it needs
    assert {len(clause.split()) for clause in later} == {LATER_WORDS + SPARE_WORDS}


def test_the_first_clause_waits_for_no_better_place() -> None:
    assert Clauses("es").add("Esto funciona bien") == ["Esto funciona bien"]


def test_a_comma_ends_a_clause_only_after_enough_words() -> None:
    clauses = Clauses("es")
    assert clauses.add("Bueno, creo que sí, pero") == ["Bueno, creo que sí,"]
    assert clauses.add("ahora, dice") == []


@pytest.mark.parametrize(
    ("lang", "text", "first"),
    [
        ("es", "Ha instalado el software", "Ha instalado"),
        ("en", "They came yesterday with their dog", "They came yesterday"),
        ("fr", "Nous prenons souvent l'avion", "Nous prenons souvent"),
        ("de", "Wir fahren morgen mit", "Wir fahren morgen"),
        ("pt-BR", "Eles moram hoje na cidade", "Eles moram hoje"),
        ("it", "Arriviamo domani dall'Italia", "Arriviamo domani"),
        ("ca", "Han arribat a", "Han arribat"),
        ("gl", "Chegaron onte ao porto", "Chegaron onte"),
    ],
)
def test_a_voice_breathes_before_what_leans_on_the_next_word(lang: str, text: str, first: str) -> None:
    assert Clauses(lang).add(text)[0] == first


def test_an_abbreviation_ends_no_sentence() -> None:
    assert Clauses("es").add("El Sr. López llegó.") == ["El Sr. López llegó."]


def test_a_word_that_waited_too_long_is_said_in_a_short_clause() -> None:
    clauses = Clauses("es")
    clauses.add("Uno dos tres.")
    assert clauses.add("cuatro cinco", at_samples=1000) == []
    assert clauses.add("", at_samples=1000 + WAIT_SAMPLES - 1) == []
    assert clauses.add("", at_samples=1000 + WAIT_SAMPLES) == ["cuatro cinco"]


def test_nothing_is_said_of_an_empty_segment() -> None:
    clauses = Clauses()
    assert clauses.add("  ") + clauses.rest() == []


@given(PIECES, st.sampled_from(["es", "fr", "xx"]), st.integers(0, WAIT_SAMPLES))
def test_together_the_clauses_are_exactly_the_text(pieces: list[list[str]], lang: str, pace_samples: int) -> None:
    clauses = said(lang, pieces, pace_samples)
    assert " ".join(clauses) == " ".join(word for piece in pieces for word in piece)
    assert all(clauses)


@given(PIECES, st.integers(0, WAIT_SAMPLES))
def test_no_clause_but_the_last_ends_with_a_word_that_leans_on_the_next(
    pieces: list[list[str]], pace_samples: int
) -> None:
    longest = LATER_WORDS + SPARE_WORDS
    for clause in said("es", pieces, pace_samples)[:-1]:
        words = clause.split()
        others = [word for word in words if word not in leaning("es")]
        assert words[-1] not in leaning("es") or len(others) < FEWEST_WORDS <= len(words) <= longest


@given(PIECES)
def test_no_clause_is_longer_than_a_breath(pieces: list[list[str]]) -> None:
    clauses = Clauses("es")
    for piece in pieces:
        assert all(len(clause.split()) <= LATER_WORDS + SPARE_WORDS for clause in clauses.add(" ".join(piece)))
    assert len(" ".join(clauses.rest()).split()) <= LATER_WORDS + SPARE_WORDS
