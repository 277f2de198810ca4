"""What engines' programs are given to read."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.engines.fatal_texts import MOST_DEATHS, ROOM, SECONDS, FatalTexts
from services.common.errors import InvalidArgument
from services.common.text.plain_text import in_stretches, plain_text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("one\x00two\x1b[31m\x7f", "one two [31m "),
        ("\ufdd0a\ufdefb\ufffec\uffffd\U0001fffee\U0010ffff", "abcde"),
        ("half \ud800 of a pair", "half  of a pair"),
        ("a\u0085b\u2028c\x0cd", "a\nb\nc\nd"),
        (
            "\u0939\u093f\u0928\u094d\u0926\u0940 \u200dcaf\u00e9\tte",
            "\u0939\u093f\u0928\u094d\u0926\u0940 \u200dcaf\u00e9\tte",
        ),
    ],
)
def test_a_program_gets_what_people_write_and_nothing_else(text: str, left: str) -> None:
    assert plain_text(text) == left


@given(st.text())
def test_no_control_and_no_noncharacter_is_left(text: str) -> None:
    left = plain_text(text)
    assert all(ord(char) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(char) <= 0xFDEF for char in left)
    assert all(unicodedata.category(char) != "Cc" or char in "\t\n\r" for char in left)


@given(st.text(alphabet="ab \n", max_size=60), st.integers(1, 5))
def test_stretches_are_the_text_and_short(text: str, most: int) -> None:
    pieces = in_stretches(text, most)
    assert "".join(pieces) == text
    assert all(len(piece.split()) <= most for piece in pieces)


def test_a_text_that_programs_die_of_is_refused_by_name_and_no_other_is() -> None:
    fatal = FatalTexts("MT")
    for _ in range(MOST_DEATHS):
        fatal.require_harmless("the text")
        fatal.died("the text")
    fatal.require_harmless("another text")
    with pytest.raises(InvalidArgument) as refused:
        fatal.require_harmless("the text")
    assert (refused.value.code, refused.value.field, refused.value.stage) == ("MT_QUARANTINED", "text", "MT")
    assert "the text" not in refused.value.message


def test_a_text_is_not_held_against_for_ever_and_not_once_it_was_answered() -> None:
    now = [0.0]
    fatal = FatalTexts("TTS", lambda: now[0])
    fatal.died("one")
    fatal.answered("one")
    fatal.died("one")
    fatal.require_harmless("one")
    fatal.died("one")
    now[0] = SECONDS + 1
    fatal.require_harmless("one")


def test_what_is_remembered_is_bounded() -> None:
    fatal = FatalTexts("TTS")
    for number in range(ROOM + 1):
        for _ in range(MOST_DEATHS):
            fatal.died(str(number))
    fatal.require_harmless("0")
    with pytest.raises(InvalidArgument):
        fatal.require_harmless(str(ROOM))
