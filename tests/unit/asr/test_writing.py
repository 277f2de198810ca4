from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.asr.writing import cased, closed


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("the cat sat", "The cat sat."),
        ("i think i'm late", "I think I'm late."),
        ("see you on friday's train", "See you on Friday's train."),
        ("what is your name", "What is your name?"),
        ("how many are there", "How many are there?"),
        ("what a day", "What a day."),
        ("when you are done press one", "When you are done press one."),
        ("", ""),
    ],
)
def test_a_sentence_is_written_as_people_write_it(heard: str, written: str) -> None:
    assert " ".join(closed(heard.split(), "en-US")) == written


def test_other_languages_get_no_english_rules() -> None:
    assert closed(["i", "io", "how", "many"], "it-IT") == ["I", "io", "how", "many."]
    assert closed(["mai", "i"], "it") == ["Mai", "i."]


@given(st.lists(st.sampled_from(["i", "i'm", "the", "friday", "can"]), min_size=1), st.integers(0, 10))
def test_more_words_leave_the_words_before_as_they_were(words: list[str], length: int) -> None:
    assert cased(words, "en")[:length] == cased(words[:length], "en")
    assert " ".join(closed(words, "en")).startswith(" ".join(cased(words, "en")))
