"""Terms leave a text as made-up words and come back in their places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.text.terminology import Term, composed, uses
from services.mt.engines.embedded.agreement import Form, form_of
from services.mt.glossary import Noun, Standin, masked

TERMS = (Term("US", "EE. UU."), Term("voicemail", "buz\u00f3n de voz"), Term("GitHub"), Term("Pixel"))


def test_a_text_without_terms_stays_as_it_is() -> None:
    asked = masked("xqz is no term", TERMS)
    assert asked.text == asked.restored("xqz is no term") == "xqz is no term"


def test_the_made_up_word_has_the_capitals_of_the_term() -> None:
    asked = masked("voicemail Voicemail VOICEMAIL", TERMS)
    one, two, three = asked.text.split()
    assert (one.islower(), two.istitle(), three.isupper()) == (True, True, True)
    assert len(asked.words) == 3


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        ("the voicemail of github", "the buz\u00f3n de voz of GitHub"),
        ("Voicemail works. Voicemail!", "Buz\u00f3n de voz works. Buz\u00f3n de voz!"),
        ("in the us. the US, then", "in the us. the EE. UU., then"),
        ("in the US. And", "in the EE. UU. And"),
        ("my Voicemail", "my buz\u00f3n de voz"),
        ("two pixels, some Pixels", "two Pixels, some Pixels"),
    ],
)
def test_terms_come_back_as_they_are_to_be_written(text: str, restored: str) -> None:
    asked = masked(text, TERMS)
    assert asked.restored(asked.text) == restored


def test_what_a_translator_glues_to_a_term_is_parted_from_it() -> None:
    asked = masked("voicemail", TERMS)
    assert asked.restored(f"meu {asked.text}ha") == "meu buz\u00f3n de voz ha"


def test_a_word_of_the_text_is_never_taken_for_a_made_up_one() -> None:
    first = masked("voicemail", TERMS).text
    asked = masked(f"{first} voicemail", TERMS)
    assert asked.restored(asked.text) == f"{first} buz\u00f3n de voz"


def test_a_thousand_terms_in_one_text_all_come_back() -> None:
    asked = masked("voicemail " * 1000, TERMS)
    assert asked.restored(asked.text).count("buz\u00f3n de voz") == 1000


def test_a_kept_term_gets_no_capital() -> None:
    assert Standin("xqz", "kubectl", kept=True).put_back("Xqz", begins=True) == "kubectl"


GUITAR, CASTLE = Noun("guitar", "guitarra"), Noun("castle", "castillo")


def test_a_noun_stands_once_for_a_term_and_never_for_two() -> None:
    nouns = {TERMS[1]: [GUITAR, Noun("guitars", "guitarras"), CASTLE]}
    asked = masked("Voicemail, voicemail and voicemail", TERMS, nouns)
    first, second, _, third = asked.text.replace(",", "").split()
    assert (first, second) == ("Guitar", "castle")
    assert asked.words == {third}


def test_a_noun_that_the_text_has_stands_for_nothing() -> None:
    assert "guitar " not in masked("voicemail of guitars", TERMS, {TERMS[1]: [GUITAR]}).text


def test_a_noun_that_was_lost_or_doubled_is_seen() -> None:
    asked = masked("the voicemail", TERMS, {TERMS[1]: [GUITAR]})
    assert asked.whole("la Guitarra")
    assert asked.restored("La Guitarra vieja") == "La buz\u00f3n de voz vieja"
    assert not asked.whole("el guitarrista")
    assert not asked.whole("guitarra y guitarra")
    assert not asked.whole("")
    assert masked("nothing", TERMS).whole("nada")


@pytest.mark.parametrize(
    ("analysis", "form"),
    [
        ("^cuenta/cuenta<n><f><sg>/contar<vblex><pri><p3><sg>$", Form("f", "sg")),
        ("^notas/nota<n><f><pl>$ ^de/de<pr>$ ^la/el<det><def><f><sg>$", Form("f", "pl")),
        ("^los/el<det><def><m><pl>$ ^datos/dato<n><m><pl>$", Form("m", "pl")),
        ("^EE/*EE$^./.<sent>$", None),
        ("^llamar/llamar<vblex><inf>$ ^casa/casa<n><f><sg>$", None),
        ("^artista/artista<n><mf><sg>$", None),
        ("", None),
    ],
)
def test_a_term_has_the_form_of_its_first_noun(analysis: str, form: Form | None) -> None:
    assert form_of(analysis) == form


WORDS = st.sampled_from(["voicemail", "Voicemails", "github", "PIXEL", "dog", "xqz", ".", "-", "\u00e9"])


@given(st.lists(WORDS).map(" ".join))
def test_every_term_of_any_text_is_honoured_by_a_translator_that_keeps_unknown_words(text: str) -> None:
    asked = masked(composed(text), TERMS)
    assert all(use.honoured for use in uses(text, asked.restored(asked.text), TERMS))
