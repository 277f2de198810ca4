from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.asr.engine import Word
from services.asr.writing import Place, written


def heard(text: str) -> list[Word]:
    """Words without pauses, but for "_", which is 200 ms of silence, and "__", which is 400."""
    words: list[Word] = []
    offset = 0
    for token in text.split():
        if token.startswith("_"):
            offset += 3200 * len(token)
        else:
            words.append(Word(token, offset, offset + 1000))
            offset += 1000
    return words


def closed(text: str, language: str = "en-US") -> str:
    return " ".join(written(heard(text), Place(language, ends=True)))


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("the cat sat", "The cat sat."),
        ("i think i'm late", "I think I'm late."),
        ("see you on friday's train", "See you on Friday's train."),
        ("what is your name", "What is your name?"),
        ("how many are there", "How many are there?"),
        ("what a day", "What a day."),
        ("when you are done press one", "When you are done press one."),
        ("", ""),
        ("thank you __ what is your name __ i see", "Thank you. What is your name? I see."),
        ("for sales _ press one", "For sales, press one."),
    ],
)
def test_a_sentence_is_written_as_people_write_it(said: str, text: str) -> None:
    assert closed(said) == text


def test_other_languages_get_no_english_rules() -> None:
    assert closed("i io how many", "it-IT") == "I io how many."
    assert closed("mai i", "it") == "Mai i."


def test_a_sentence_that_goes_on_begins_and_ends_as_it_is() -> None:
    assert written(heard("is it __ yes"), Place("en", goes_on=True)) == ["is", "it.", "Yes"]


@given(st.lists(st.sampled_from(["i", "i'm", "the", "friday", "can", "_", "__"]), min_size=1), st.integers(0, 10))
def test_more_words_add_at_most_a_mark_to_the_words_before(tokens: list[str], length: int) -> None:
    words = heard(" ".join(tokens))
    before, place = written(words[:length], Place("en")), Place("en")
    assert " ".join(written(words, place)).startswith(" ".join(before))
    assert " ".join(written(words, Place("en", ends=True))).startswith(" ".join(written(words, place)))
