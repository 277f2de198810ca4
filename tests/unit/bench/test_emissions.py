"""When each word of a translation was there, from the events a client got."""

from __future__ import annotations

import pytest

from babelmesh import AsrResult, SpeechEvent, TranslationResult
from bench.measuring.emissions import caption_erasure, caption_steps, concluded_words, shown_words, transcribed_words
from bench.measuring.take import Take
from bench.sessions.simulstream import emissions
from realtime.v1 import realtime_translate_pb2 as pb

ES = "es"


def shown(text: str, stable: int, end_ms: int, segment_id: int = 1, final: bool = False) -> TranslationResult:
    return TranslationResult(
        target_lang=ES, segment_id=segment_id, text=text, stable_length=stable, end_ms=end_ms, final=final
    )


def a_take() -> Take:
    return Take(
        4.0,
        [ES],
        [
            (1.3, shown("el gato", 2, 1000)),
            (1.8, shown("el perro come", 8, 1500)),
            (2.9, shown("el perro come pan", 17, 2000, final=True)),
            (2.9, SpeechEvent(type=pb.SPEECH_EVENT_TYPE_SOURCE_ENDED, offset_ms=2000)),
            (4.4, shown("y bebe", 6, 3500, segment_id=2, final=True)),
        ],
        trailing_silence_ms=500,
    )


def test_a_word_counts_from_when_it_was_concluded() -> None:
    words = concluded_words(a_take(), ES)
    assert [word.text for word in words] == ["el", "perro", "come", "pan", "y", "bebe"]
    assert [word.elapsed for word in words] == [1.3, 1.8, 2.9, 2.9, 4.4, 4.4]


def test_a_final_has_taken_the_silence_that_ended_its_segment_too() -> None:
    assert [word.ideal for word in concluded_words(a_take(), ES)] == [1.0, 1.5, 2.5, 2.5, 3.5, 3.5]


def test_a_shown_word_counts_from_when_it_changed_last() -> None:
    assert [word.elapsed for word in shown_words(a_take(), ES)] == [1.3, 1.8, 1.8, 2.9, 4.4, 4.4]


def test_the_log_of_captions_ends_with_the_words_shown() -> None:
    take = a_take()
    words = emissions(caption_steps(take, ES))
    assert [(word.text, word.elapsed) for word in words] == [
        (word.text, word.elapsed) for word in shown_words(take, ES)
    ]


def test_erasure_is_of_the_captions() -> None:
    gone = caption_erasure(a_take(), ES)
    assert (gone.deleted, gone.final) == (1, 6)


def test_an_ideal_moment_is_never_after_the_real_one() -> None:
    take = Take(4.0, [ES], [(1.0, shown("el", 2, 1500, final=True))])  # sent faster than real time
    assert concluded_words(take, ES)[0].ideal == pytest.approx(1.0)


def test_a_word_of_a_transcript_counts_from_when_it_was_settled() -> None:
    take = Take(4.0, [])
    take.events += [
        (1.0, AsrResult(segment_id=1, text="the cat", stable_length=3, end_ms=800)),
        (1.5, AsrResult(segment_id=1, text="the dog eats", stable_length=7, end_ms=1_300)),
        (2.0, AsrResult(segment_id=1, text="the dog ate", end_ms=1_800, final=True)),
    ]
    words = transcribed_words(take)
    assert [(word.text, word.elapsed) for word in words] == [("the", 1.0), ("dog", 1.5), ("ate", 2.0)]
    assert [word.ideal for word in words] == [0.8, 1.3, 1.8]
