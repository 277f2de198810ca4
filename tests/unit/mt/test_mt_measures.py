"""How often a translation says what it said before."""

from __future__ import annotations

import pytest

from services.mt.measures import repetition


@pytest.mark.parametrize(
    ("text", "language", "share"),
    [
        ("El perro está aquí.", "es", 0.0),
        ("No, no, no, no!", "es", 2 / 3),  # three pairs, all the same
        ("NO no No nO", "es", 2 / 3),
        ("uno dos uno dos", "es", 1 / 3),
        ("don't don't don't", "en", 0.6),  # don t don t don t: five pairs, two of them different
        ("\u72d7\u5728\u8fd9\u91cc\u3002", "zh-CN", 0.0),  # "The dog is here."
        ("\u72d7\u72d7\u72d7\uff0c\u72d7\u72d7", "zh", 3 / 4),
        ("\u72ac \u72ac \u72ac", "ja", 1 / 2),
        ("\u0e2b\u0e21\u0e32\u0e2b\u0e21\u0e32", "th", 2 / 5),  # "dog dog": five pairs of six characters
        ("\uac1c \uac1c \uac1c", "ko", 1 / 2),  # which has spaces
        ("x" * 2_000 + " y", "es", 0.0),
    ],
)
def test_pairs_of_words_or_of_characters_that_occurred_before(text: str, language: str, share: float) -> None:
    assert repetition(text, language) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "Sí.", "... !"])
def test_a_text_of_one_word_or_none_has_no_pairs(text: str) -> None:
    assert repetition(text, "es") is None
