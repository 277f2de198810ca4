"""The dialogue in two languages, and what is counted of it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jiwer")
pytest.importorskip("sacrebleu")

import babelmesh
from babelmesh.client.events import Event
from bench.measuring.take import Take
from bench.recognition.dialogue import Placed, Recorded, Voices, drawn, mixed
from bench.recognition.languages_identified import accuracy, added, goals, utterances
from services.common.audio.pcm import ASR_RATE

SHORT, LONG = (np.full(seconds * ASR_RATE, 100, np.int16) for seconds in (2, 6))
VOICES = Voices({lang: [Recorded(lang, "core", pcm) for pcm in (SHORT, LONG) * 2] for lang in ("en", "es")}, [])
DIALOGUE = [Placed(Recorded("en", "core", LONG), 1000, 7000), Placed(Recorded("es", "native", SHORT), 9000, 11_000)]


def heard(segment_id: int, start_ms: int, language: str, end_ms: int, **more: Any) -> babelmesh.AsrResult:
    result = babelmesh.AsrResult(segment_id=segment_id, start_ms=start_ms, end_ms=end_ms, text="words", **more)
    result.lang, result.lang_confidence = language, 0.9
    return result


def translated(segment_id: int, lang: str, end_ms: int) -> babelmesh.TranslationResult:
    return babelmesh.TranslationResult(
        segment_id=segment_id, target_lang=lang, text="palabras", stable_length=8, end_ms=end_ms
    )


def taken(*events: tuple[float, Event]) -> Take:
    return Take(12.0, ["en", "es"], [*events])


RIGHT = taken(
    (2.0, heard(1, 1000, "es", 1500, lang_tentative=True)),
    (3.5, heard(1, 1000, "en-US", 3000)),
    (4.0, translated(1, "es", 3500)),
    (8.0, heard(1, 1000, "en-US", 7000, final=True)),
    (12.0, heard(2, 9000, "en-US", 11_000, final=True, lang_unsure=True)),
    (12.5, babelmesh.TtsChunk(segment_id=2, target_lang="es", data=b"", sample_rate=24_000)),
)


def test_a_seed_makes_the_same_dialogue_of_turns_in_one_language_after_the_other() -> None:
    one, other = ([*drawn(VOICES, 60.0, 3)] for _ in range(2))
    assert [each.start_ms for each in one] == [each.start_ms for each in other]
    assert one[-1].end_ms >= 58_000
    assert {each.recorded.lang for each in one} == {"en", "es"}
    assert all(after.start_ms - before.end_ms >= 1000 for before, after in pairwise(one))


def test_who_is_told_one_language_hears_silence_for_the_other() -> None:
    whole, english = mixed(DIALOGUE), mixed(DIALOGUE, "en")
    assert len(whole) == len(english)
    assert np.abs(whole[9 * ASR_RATE : 11 * ASR_RATE]).max()
    assert not np.abs(english[9 * ASR_RATE :]).any()


def test_utterances_are_held_against_what_was_said_where_they_are() -> None:
    first, second = utterances(DIALOGUE, RIGHT)
    assert (first.right, first.seconds, first.spoken) == (True, 6.0, False)
    assert (first.decided.heard, first.decided.clock) == (2.0, 2.5)
    assert first.word
    assert (first.word.heard, first.word.clock) == (2.5, 3.0)
    assert (second.right, second.said.recorded.voice, second.spoken) == (False, "native", True)


def test_long_utterances_are_counted_apart_from_short_ones() -> None:
    found = utterances(DIALOGUE, RIGHT)
    assert ("all", ">= 4 s", 1, 1, 1.0, 0, 0) in accuracy(found).rows
    assert ("all", "< 4 s", 1, 0, 0.0, 1, 1) in accuracy(found).rows
    assert {name: goal.ok for name, goal in goals(found).items()} == {
        "languages.long": True,
        "languages.wrongly_spoken": False,
    }


def test_the_delay_is_what_an_utterance_waits_for_beyond_one_whose_language_was_told() -> None:
    known = taken((3.0, translated(1, "es", 2500)), (8.0, heard(1, 1000, "en", 7000, final=True)))
    (wait,) = added(utterances(DIALOGUE, RIGHT)[:1], utterances(DIALOGUE, known))
    assert (wait.heard, wait.clock) == (1.0, 1.0)
