"""Wording that a neighbour's has to become, and words that a neighbour shares."""

from __future__ import annotations

import pytest

from services.mt.cognates import cognate, guessed
from services.mt.engine import Pair
from services.mt.shaping import short
from services.mt.shaping.usage import polished

INTO_SPANISH, INTO_PORTUGUESE = Pair("pt", "es"), Pair("es", "pt")


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("¿Como usted los selecciona?", "¿Cómo los selecciona?"),
        ("¿Lo que ahora?", "¿Qué ahora?"),
        ("¿- Usted ya intentó?", "- ¿Usted ya intentó?"),
        ("Yo realmente quería jugar.", "Realmente quería jugar."),
        ("Ella dice que yo quiero ir con nosotros.", "Ella dice que quiero ir con nosotros."),
        ("Es para yo ir.", "Es para yo ir."),
        ("Él come y ella bebe.", "Él come y ella bebe."),
        ("El primer-ministro y los años-luz.", "El primer ministro y los años luz."),
        ("Ex-militar.", "Exmilitar."),
        ("En consonancia con él, es así.", "Según él, es así."),
        ("Continúa a ser tarde.", "Sigue siendo tarde."),
        ("Yo", "Yo"),
        ("Son los EE.UU..", "Son los EE.UU."),
        ("Es así...", "Es así..."),
    ],
)
def test_an_answer_is_worded_as_spaniards_write(answer: str, shown: str) -> None:
    assert polished(answer, INTO_SPANISH) == shown


def test_a_pair_without_set_phrases_is_left_as_it_is() -> None:
    assert polished("¿Como usted?", Pair("en", "es")) == "¿Como usted?"


@pytest.mark.parametrize(
    ("portuguese", "spanish"),
    [
        ("regressão", "regresión"),
        ("ressurreição", "resurreición"),
        ("esôfago", "esófago"),
        ("pseudônimo", "pseudónimo"),
        ("autenticidade", "autenticidad"),
        ("corporais", "corporales"),
        ("demografia", "demografía"),
        ("economizam", "economizan"),
        ("retratou", "retrató"),
        ("exóticos", "exóticos"),
        ("boom", "boom"),
    ],
)
def test_a_learned_word_is_written_as_its_neighbour_writes_it(portuguese: str, spanish: str) -> None:
    assert cognate(portuguese, INTO_SPANISH) == spanish


@pytest.mark.parametrize(
    ("spanish", "portuguese"),
    [
        ("resurrección", "resurrecção"),
        ("autenticidad", "autenticidade"),
        ("canceroso", "canceroso"),
        ("cuñada", "cunhada"),
    ],
)
def test_the_way_back_has_rules_of_its_own(spanish: str, portuguese: str) -> None:
    assert cognate(spanish, INTO_PORTUGUESE) == portuguese


def test_names_and_words_that_stand_for_something_stay() -> None:
    answer = "*Conceição y *regressão con *xqzbação"
    assert guessed(answer, INTO_SPANISH, frozenset({"xqzbação"})) == "*Conceição y *regresión con *xqzbação"
    assert guessed(answer, Pair("en", "es"), frozenset()) == answer


def test_a_word_to_which_much_is_made_up_is_asked_again_with_other_endings() -> None:
    assert short.doubtful("Exatamente.", "Just as a time.")
    assert not short.doubtful("Exatamente.", "It is so.")
    assert not short.doubtful("It is so late.", "Ya es muy tarde, y no hay nadie.")
    assert short.variants("Exatamente.") == ["Exatamente!", "Exatamente", "Exatamente?"]
    answers = ["Just as a time.", "Just now!", "Exactly,", "Exactly so?"]
    assert short.shortest(answers, "Exatamente.") == "Exactly."
