"""What a recognizer is told of a session."""

from __future__ import annotations

import pytest

from services.gateway.stages.recognizing import config
from services.gateway.values.terms import Holding, Sound, Terms


def terms(*source_langs: str) -> Terms:
    return Terms(
        session_id="s",
        source_lang="en",
        targets=(),
        interim=True,
        stabilization=2,
        holding=Holding("agreement", 0, 0),
        output=Sound("pcm16le", 24_000),
        trailing_silence_ms=500,
        least_silence_ms=0,
        max_segment_ms=15_000,
        source_langs=source_langs,
    )


@pytest.mark.parametrize(("decided", "told"), [("es", "es"), ("", ""), ("fr", "")])
def test_a_recognizer_is_told_the_languages_and_what_was_decided_of_the_open_segment(decided: str, told: str) -> None:
    asked = config(terms("en", "es"), 3, True, decided)
    assert (asked.lang, list(asked.langs), asked.first_lang) == ("en", ["en", "es"], told)


def test_a_session_in_one_language_leaves_nothing_to_find_out() -> None:
    asked = config(terms(), 3, True, "en")
    assert (asked.lang, list(asked.langs), asked.first_lang) == ("en", [], "")
