from __future__ import annotations

import re

import pytest

import babelmesh
from babelmesh.events import Event
from bench.chaos.listening import Heard, damage
from bench.take import Take


def _heard(transcript: str, translation: str = "", failure: str = "") -> Heard:
    """A session of one segment, heard to its end."""
    translation = translation or re.sub(r"\w+", r"\g<0>-es", transcript)
    events: list[Event] = [
        babelmesh.AsrResult(final=True, text=transcript, segment_id=1, revision=1),
        babelmesh.TranslationResult(final=True, text=translation, target_lang="es", segment_id=1, revision=1),
        babelmesh.TtsChunk(target_lang="es", segment_id=1, text=translation, sample_rate=16_000),
        babelmesh.End(target_lang="es"),
        babelmesh.End(),
    ]
    return Heard(Take(1.0, ("es",), [(float(at), event) for at, event in enumerate(events)]), failure)


ALONE = _heard("word0 word1 word2 word3")


def test_what_was_heard_as_in_an_undisturbed_session_has_no_damage() -> None:
    found = damage(ALONE, ALONE)
    assert (found.lost, found.doubled, found.reordered, found.faults) == (0, 0, 0, [])


def test_sentences_may_be_cut_elsewhere() -> None:
    assert damage(_heard("Word0 word1. Word2 word3."), ALONE).lost == 0


@pytest.mark.parametrize(
    ("transcript", "lost", "doubled", "reordered"),
    [
        ("word0 word1 word3", 2, 0, 0),
        ("word0 word1 word1 word2 word3", 0, 2, 0),
        ("word0 word2 word1 word3", 0, 0, 2),
        ("word2 word3", 4, 0, 0),
    ],
)
def test_each_word_that_is_not_there_once_and_in_its_place_counts_as_heard_and_as_translated(
    transcript: str, lost: int, doubled: int, reordered: int
) -> None:
    found = damage(_heard(transcript), ALONE)
    assert (found.lost, found.doubled, found.reordered) == (lost, doubled, reordered)


def test_a_translation_loses_words_of_its_own() -> None:
    assert damage(_heard("word0 word1 word2 word3", "word0-es word1-es word2-es"), ALONE).lost == 1


def test_a_session_that_failed_is_a_fault() -> None:
    assert damage(_heard("word0 word1 word2 word3", failure="CONNECTION_LOST"), ALONE).faults == [
        "ended with CONNECTION_LOST"
    ]


def test_recovery_is_the_first_transcript_after_the_heal() -> None:
    heard = Heard()
    heard.take.events += [(at, babelmesh.AsrResult()) for at in (1.0, 5.25, 6.0)] + [(5.1, babelmesh.Flow())]
    assert heard.recovered_seconds(5.0) == 0.25
    assert heard.recovered_seconds(6.0) is None
    assert heard.longest_wait(0.5, 5.0) == 4.0
