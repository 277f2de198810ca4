"""How recognized text is held against what was said, in several languages."""

from __future__ import annotations

import pytest

pytest.importorskip("jiwer")
pytest.importorskip("sacrebleu")

from bench.recognition.asr_languages import interval, normalized


def test_a_digit_is_the_word_that_the_language_has_for_it() -> None:
    assert normalized("Appuyez sur 9, puis 3D.", "fr") == "appuyez sur neuf puis 3d"
    assert normalized("L'heure", "fr") == "l heure"
    assert normalized("9 12") == "9 12"


def test_the_interval_of_a_rate_holds_it_and_is_wide_where_prompts_differ() -> None:
    low, high = interval(["a b c d"] * 8, ["a b c d"] * 7 + ["x y z w"])
    assert low == 0.0
    assert 0.25 <= high <= 0.5
    assert interval(["a b"] * 5, ["a x"] * 5) == (0.5, 0.5)
