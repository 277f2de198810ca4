"""A talk in which the translation falls behind is told from one in which it keeps up."""

from __future__ import annotations

import numpy as np
import pytest

from babelmesh import AsrResult, Latency, TranslationResult
from bench.measuring.corpus import Recording
from bench.measuring.metrics import Sentence
from bench.measuring.take import Take
from bench.sessions.quality_tables import Session
from bench.sessions.talk import final_growth, lag_growth, lasting_goals, longest_segment, longest_wait

SENTENCES = tuple(Sentence(f"w{number}", 6.0 * number, 6.0) for number in range(10))


def talk(lag_growth_a_sentence: float) -> Session:
    take = Take(60.0, ["es"])
    for number, sentence in enumerate(SENTENCES, start=1):
        at = sentence.start + 2.0 + lag_growth_a_sentence * number
        end_ms = round(1000 * (sentence.start + sentence.seconds))
        final = TranslationResult(
            target_lang="es", segment_id=number, text=sentence.reference, end_ms=end_ms, final=True
        )
        heard = AsrResult(segment_id=number, final=True, start_ms=end_ms - 6000, end_ms=end_ms)
        told = Latency(target_lang="es", captured_ms=end_ms, translated_ms=round(1000 * at))
        take.events += [(at, heard), (at, final), (at, told)]
    return Session("balanced", Recording("talk", "", {"es": SENTENCES}, np.zeros(960_000, dtype=np.int16)), take)


def test_a_lag_that_stays_does_not_grow() -> None:
    assert lag_growth(talk(0.0), "es") == pytest.approx(0.0, abs=1e-6)


def test_a_lag_that_grows_is_told_in_seconds_a_minute() -> None:
    assert lag_growth(talk(0.1), "es") == pytest.approx(1.0)  # ten sentences a minute


def test_the_longest_of_segments_and_waits() -> None:
    assert longest_segment(talk(0.0)) == 6.0
    assert longest_wait(talk(0.0), "es") == pytest.approx(6.0)


def test_final_captions_that_come_later_and_later_miss_the_goal() -> None:
    assert final_growth(talk(0.1), "es") == pytest.approx(1.0)
    assert not lasting_goals([talk(0.1)], ["es"])["N5.final_growth"].ok
    assert all(goal.ok for name, goal in lasting_goals([talk(0.0)], ["es"]).items() if "growth" in name)
