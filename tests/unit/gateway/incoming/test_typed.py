"""Typed text is a source like speech: its last word may still grow."""

from __future__ import annotations

import pytest

from services.common.errors import InvalidArgument
from services.gateway.incoming.ingress import Numbering
from services.gateway.incoming.typed import TypedSegment
from services.gateway.values.continuation import Continuation, beginning


def test_the_word_being_typed_is_tentative() -> None:
    typed = TypedSegment(100)
    typed.extend("good mor")
    said = typed.transcript(1, final=False)
    assert (said.text, said.stable_text) == ("good mor", "good")
    typed.extend("ning ")
    assert typed.transcript(1, final=False).stable_text == "good morning"


def test_a_byte_order_mark_is_no_text() -> None:
    typed = TypedSegment(5)
    typed.extend("\ufeff")
    assert typed.empty
    typed.extend("\ufeffhello")
    assert typed.transcript(1, final=True).text == "hello"


def test_a_final_is_all_concluded_and_the_next_segment_starts_empty() -> None:
    typed = TypedSegment(100)
    typed.extend(" hello there")
    said = typed.transcript(1, final=True)
    assert (said.text, said.stable_length, said.final) == ("hello there", 11, True)
    assert typed.empty


def test_a_segment_longer_than_agreed_is_refused_by_name() -> None:
    typed = TypedSegment(5)
    typed.extend("12345")
    with pytest.raises(InvalidArgument) as refusal:
        typed.extend("6")
    assert (refusal.value.code, refusal.value.field) == ("TEXT_TOO_LONG", "text.text")


def test_segments_are_numbered_as_they_appear_whatever_their_source() -> None:
    numbering = Numbering(beginning(""))
    assert numbering.of(7, final=False) == 1
    assert numbering.of("typed", final=False) == 2
    assert numbering.of(7, final=True) == 1
    assert numbering.of(8, final=True) == 3
    assert numbering.of("typed", final=True) == 2
    assert numbering.of("typed", final=False) == 4


def test_a_segment_of_which_none_knows_what_it_was_is_whoevers_goes_on_first() -> None:
    goes_on = Continuation("x", 1, 0, 4, None, (), {}, 0, unnamed_segment_id=4, last_segment_id=5)
    numbering = Numbering(goes_on)
    assert numbering.of("typed", final=False) == 4
    assert numbering.of(4, final=False) == 6
    assert numbering.of("typed", final=True) == 4
