"""What is asked of Apertium, and what is made of its answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mt.casing import cased, spaced
from services.mt.cleaning import cleaned
from services.mt.engine import Pair
from services.mt.engines.embedded.english import written_out
from services.mt.engines.embedded.marks import count_unknown, escaped, unescaped, unknown_words, unmarked
from services.mt.engines.embedded.writing import Draft
from services.mt.sentences import sentences

EN_ES = Pair("en", "es")
SIGNS = "^$[]{}<>/@\\*#~+"


def translated(source: str, answer: str, pair: Pair = EN_ES) -> str:
    (sentence,) = sentences(source)
    return Draft.of(sentence, pair).answered(answer).text


@given(st.text())
def test_a_cleaned_text_comes_back_from_its_escaped_form(text: str) -> None:
    clean = cleaned(text)
    assert unescaped(escaped(clean)) == clean
    assert not set(escaped(clean)) & set(SIGNS)
    assert "\0" not in clean


@given(st.text(alphabet=st.sampled_from("aB .!?\n\"'…Mr")))
def test_sentences_put_together_are_the_text(text: str) -> None:
    assert "".join(part.body + part.ending + part.gap for part in sentences(text)) == text


def test_a_letter_and_its_accent_become_one() -> None:
    assert cleaned("cafe\u0301") == "caf\u00e9"


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        ("One. Two! Three", ["One", "Two", "Three"]),
        ("Good morning, Mr. Smith. Sit down.", ["Good morning, Mr. Smith", "Sit down"]),
        ("It costs 3.50 today.", ["It costs 3.50 today"]),
        ('He said: "Go." Then he left.', ['He said: "Go', "Then he left"]),
        ("First line\nsecond line", ["First line", "second line"]),
        ("Wait... what?!", ["Wait", "what"]),
        ("I live in the U.S.", ["I live in the U.S."]),
    ],
)
def test_a_text_is_cut_at_the_ends_of_its_sentences(text: str, bodies: list[str]) -> None:
    assert [part.body for part in sentences(text)] == bodies


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("don't", "do not"),
        ("Don\u2019t", "Do not"),
        ("I'm sure they'll say we've won", "I am sure they will say we have won"),
        ("Can't", "Cannot"),
        ("won't", "will not"),
        ("i think i'm right", "I think I am right"),
        ("John's house", "John's house"),
        ("i.e. this", "i.e. this"),
        ("in Hawaii", "in Hawaii"),
    ],
)
def test_contractions_are_written_out_and_i_is_a_capital(text: str, written: str) -> None:
    assert written_out(text) == written


def test_marks_are_removed_and_counted_but_a_written_star_stays() -> None:
    answer = f"*xyzzy y #frob con {escaped('*')}negrita"
    assert unescaped(unmarked(answer)) == "xyzzy y frob con *negrita"
    assert count_unknown(answer) == 2
    assert unknown_words(answer) == ["xyzzy"]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("el \\zenith .", "el zenith"),
        ("el \\*zenith .", "el zenith"),
        ("los \\1990s .", "los 1990s"),
        ("com\\@ el .", "com el"),
        ("com@ el .", "com el"),
        ("@com #dar# vuelta .", "com dar vuelta"),
        ("*foo, (#bar) \u00ab@baz\u00bb .", "foo, (bar) \u00abbaz\u00bb"),
        ("# *- @ \\\\ .", "-"),
        ("#prpers ven .", "ven"),
        ("ven \\@prpers, aqu\u00ed .", "ven, aqu\u00ed"),
        ("^casa$ grande<adj><f><sg> .", "casa grande"),
        ("~el perro [] {x} .", "el perro x"),
        ("canto/canta bien .", "canto bien"),
        ("\u00e9l\\/ella US\\$ .", "\u00e9l/ella US$"),
        ("canal+ .", "canal+"),
    ],
)
def test_no_mark_of_a_program_is_shown(answer: str, text: str) -> None:
    assert translated("some words", answer) == text


@pytest.mark.parametrize(
    "source",
    [
        "#1 a #tag @user *bold* \\zenith C:\\temp",
        "a/b and/or ~x ^y $5 [note] {id} <n> x\\\\y \\1990s prpers",
        "com\\@ 5*3 #",
    ],
)
def test_signs_of_the_source_are_shown(source: str) -> None:
    assert unescaped(unmarked(escaped(cleaned(source)))) == source
    marked = " ".join(f"*{word}" if word[0].isalpha() else word for word in escaped(source).split())
    assert unescaped(unmarked(marked)) == source


@pytest.mark.parametrize(
    ("source", "target", "written"),
    [
        ("The dog is here", "El perro es aqu\u00ed", "El perro es aqu\u00ed"),
        ("the dog is here", "El perro es aqu\u00ed", "el perro es aqu\u00ed"),
        ("Hello there", "Hola All\u00ed", "Hola all\u00ed"),
        ("we work at NASA", "Obramos en NASA", "obramos en NASA"),
        ("the iPhone of eBay", "El IPHONE de EBAY", "el iPhone de eBay"),
        ("on Monday in London", "El lunes en Londres", "el lunes en Londres"),
    ],
)
def test_capitals_follow_the_source(source: str, target: str, written: str) -> None:
    assert cased(target, source, source[0].isupper(), capitals_carry_over=False) == written


def test_english_keeps_the_capitals_of_its_own_words() -> None:
    assert cased("On Monday I speak English", "el lunes hablo ingl\u00e9s", False, True) == "on Monday I speak English"


def test_stray_spaces_are_removed() -> None:
    assert spaced(' Tengo  un perro , y ( un gato ) . Dijo: " hola') == 'Tengo un perro, y (un gato). Dijo: "hola'


@pytest.mark.parametrize(
    ("source", "answer", "text"),
    [
        ("hello", "hola .", "hola"),
        ("No.", "No .", "No."),
        ("What is this?", "Qu\u00e9 es esto ?", "\u00bfQu\u00e9 es esto?"),
        ("Wow!", "Uau !", "\u00a1Uau!"),
        ("I LOVE YOU.", " Te quiero .", "TE QUIERO."),
        ("123, 45!", "", "123, 45!"),
    ],
)
def test_a_sentence_keeps_its_own_punctuation(source: str, answer: str, text: str) -> None:
    assert translated(source, answer) == text


def test_interim_text_is_asked_with_a_stop() -> None:
    (sentence,) = sentences("i don't know")
    assert Draft.of(sentence, EN_ES).question == "I do not know ."


def test_unknown_words_are_tried_as_names() -> None:
    (sentence,) = sentences("on monday with xyzzy")
    draft = Draft.of(sentence, EN_ES).answered("En *monday con *xyzzy .")
    assert draft.may_hold_names
    named = draft.with_names()
    assert named.question == "on Monday with Xyzzy ."
    assert named.answered("El lunes con *Xyzzy .").text == "el lunes con xyzzy"
    assert not replace(named, answer="El lunes con *Xyzzy .").may_hold_names
