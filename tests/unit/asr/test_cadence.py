from __future__ import annotations

import numpy as np

from services.asr.cadence import PATIENT_SAMPLES, Cadence
from services.asr.engine import Speech


def hypotheses(cadence: Cadence, pieces: int, waiting_samples: int = 0) -> int:
    """How many are due in so many pieces of 1000 samples."""
    piece = Speech(np.zeros(1000, np.int16), 0, waiting_samples)
    return sum(cadence.due(piece) for _ in range(pieces))


def test_hypotheses_come_at_their_interval_while_nothing_waits() -> None:
    assert hypotheses(Cadence(1000), 60) == 60
    assert hypotheses(Cadence(2000), 60) == 30
    assert hypotheses(Cadence(1500), 60) == 40


def test_the_more_audio_waits_the_fewer_hypotheses_are_made_but_always_some() -> None:
    waiting = [0, *(PATIENT_SAMPLES + more for more in (0, 1000, 2000, 1_000_000))]
    assert [hypotheses(Cadence(1000), 60, samples) for samples in waiting] == [60, 60, 30, 20, 15]


def test_a_hurried_session_gets_as_few_as_there_may_be() -> None:
    cadence, piece = Cadence(1000), np.zeros(1000, np.int16)
    assert sum(cadence.due(Speech(piece, 0, hurried=True)) for _ in range(60)) == 15


def test_they_come_as_before_once_nothing_waits_any_more() -> None:
    cadence = Cadence(1000)
    hypotheses(cadence, 7, 1_000_000)
    assert hypotheses(cadence, 10) == 10


def test_slow_answers_make_hypotheses_rarer_and_quick_ones_bring_them_back_little_by_little() -> None:
    cadence = Cadence(1000)
    rare = []
    for seconds in (0.0, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0):
        cadence.answered(seconds)
        rare.append(hypotheses(cadence, 12))
    assert rare == sorted(rare[:4], reverse=True) + sorted(rare[4:])
    assert (rare[0], rare[-1]) == (12, 12)
    assert min(rare) <= 6


def test_a_segment_begins_with_a_whole_interval() -> None:
    cadence = Cadence(2000)
    assert hypotheses(cadence, 1) == 0
    cadence.restart()
    assert hypotheses(cadence, 1) == 0


def test_hypotheses_come_sooner_until_the_segment_has_words() -> None:
    cadence = Cadence(4000, 2000)
    assert hypotheses(cadence, 8) == 4
    cadence.worded()
    assert hypotheses(cadence, 8) == 2
    cadence.restart()
    assert hypotheses(cadence, 8) == 4


def test_an_interval_shorter_than_that_of_the_first_words_stays() -> None:
    assert hypotheses(Cadence(1000, 2000), 8) == 8
