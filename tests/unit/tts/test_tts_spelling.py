"""Clauses as the symbols of a neural voice."""

from __future__ import annotations

import pytest

from services.tts.engine import Clause, Pronunciation, Voice
from services.tts.neural.spelling import Characters, Symbols, fragments, sentences

VOICE = Voice("v", "es")
SYMBOLS = Symbols({sign: (number,) for number, sign in enumerate("_^$ .,abkest\u02c8\u0303\u0283")})
CHARACTERS = Characters({"k": 0, "a": 1, "b": 2, " ": 3, "\u00f1": 4}, blanks=True, lowered=True, replaced={})


def spoken(text: str, *said: Pronunciation) -> list[str]:
    """The sentences of a clause when every text is said as it is written."""
    cut = fragments(Clause(text, VOICE, pronunciations=said))
    told = [" ".join(each.said.split()) if isinstance(each.said, str) else each.said.ipa for each in cut]
    return [sentence for sentence in sentences(cut, told) if sentence]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hola, amigos", ["hola, amigos"]),
        ("Hola. Adi\u00f3s", ["Hola.", "Adi\u00f3s"]),
        ("son 3.5 euros: 10:30", ["son 3.5 euros: 10:30"]),
        ("\u00bfs\u00ed? \u00a1no!", ["\u00bfs\u00ed?", "\u00a1no!"]),
        ("uno\u2026 dos", ["uno.", "dos"]),
        ("\u00abYa.\u00bb Bien.", ["\u00abYa.", "\u00bb Bien."]),
        ("\u4f60\u597d\uff0c\u518d\u89c1\u3002\u597d", ["\u4f60\u597d, \u518d\u89c1.", "\u597d"]),
        ("  ", []),
    ],
)
def test_marks_stay_and_sentences_are_said_one_by_one(text: str, expected: list[str]) -> None:
    assert spoken(text) == expected


def test_a_pronounced_word_has_the_spaces_and_marks_of_the_text() -> None:
    said = Pronunciation("Kube", "\u02c8ab")
    assert spoken("uso Kube, claro", said) == ["uso \u02c8ab, claro"]
    assert spoken("Kube.", said) == ["\u02c8ab."]
    assert spoken("\u00abKube\u00bb hoy", said) == ["\u00ab\u02c8ab\u00bb hoy"]


def test_a_sentence_is_spelled_with_its_ends_and_pads_between() -> None:
    assert SYMBOLS.spelled("ab") == [1, 0, 6, 0, 7, 0, 2]


def test_a_composed_phoneme_is_its_letter_and_its_sign() -> None:
    assert SYMBOLS.spelled("\u00e3") == [1, 0, 6, 0, SYMBOLS.ids["\u0303"][0], 0, 2]
    assert "\u00e3" in SYMBOLS.sounds


def test_unknown_phonemes_are_left_out_and_marks_alone_are_not_said() -> None:
    assert SYMBOLS.spelled("a\u0259b") == SYMBOLS.spelled("ab")
    assert SYMBOLS.spelled(" ., ") == []
    assert SYMBOLS.spelled("\u02c8") == []


def test_stress_is_moved_to_the_vowel() -> None:
    assert SYMBOLS.pronounced("ta\u02c8ksa") == "taks\u02c8a"


def test_no_mark_or_pad_is_a_sound() -> None:
    assert not {"_", "^", "$", " ", ".", ",", "\u02c8"} & set(SYMBOLS.sounds)


def test_characters_are_lowered_and_unknown_ones_left_out() -> None:
    assert CHARACTERS.spelled("Ab, \u00d1x ") == [0, 1, 0, 2, 0, 3, 0, 4, 0]
    assert CHARACTERS.spelled("?!") == []
