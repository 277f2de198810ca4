"""Placeholders for what is hidden in a text come back from a translator as they were."""

from __future__ import annotations

import pytest

from services.common.text.placeholders import PLACEHOLDERS
from services.common.text.terminology import Term
from services.mt.engine import Pair
from services.mt.shaping import pieces

EN_ES = Pair("en", "es")


@pytest.mark.parametrize("placeholder", PLACEHOLDERS.values())
def test_a_translator_is_asked_with_a_word_in_the_place_of_a_placeholder(placeholder: str) -> None:
    text = f"Call {placeholder}, or {placeholder} tomorrow."
    (piece,) = pieces.cut(text, EN_ES, terms=[Term(placeholder)])
    assert placeholder not in piece.text
    assert piece.restored(piece.text) == text
    assert not piece.whole(piece.text.replace(piece.standins[0].source, "", 1))
