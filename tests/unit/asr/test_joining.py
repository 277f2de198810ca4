from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.asr.engine import Word
from services.asr.engines.riva.joining import Part, Transcript, placed

START = 100_000
WORDS = st.lists(st.sampled_from(["one", "Two,", "three", "25", "four."]), max_size=6)


def known(*words: str) -> tuple[Word, ...]:
    return tuple(Word(word, 1_000 * count, 1_000 * count + 800, 0.5) for count, word in enumerate(words))


def heard(*messages: tuple[Part, ...], sent_samples: int = 16_000) -> Transcript:
    transcript = Transcript(START)
    transcript.sent_samples = sent_samples
    for message in messages:
        transcript.hear(message)
    return transcript


def test_words_that_are_written_otherwise_keep_their_places() -> None:
    found = placed(["Hello,", "World."], known("hello", "world"), (0, 16_000))
    assert [(word.text, word.start_samples, word.confidence) for word in found] == [
        ("Hello,", 0, 0.5),
        ("World.", 1_000, 0.5),
    ]


def test_a_number_in_figures_has_the_place_of_the_words_it_was_said_with() -> None:
    found = placed(["I", "have", "25", "dogs"], known("i", "have", "twenty", "five", "dogs"), (0, 16_000))
    assert [(word.start_samples, word.end_samples) for word in found] == [
        (0, 800),
        (1_000, 1_800),
        (2_000, 3_800),
        (4_000, 4_800),
    ]


def test_words_nobody_knows_the_place_of_share_what_there_is_by_their_lengths() -> None:
    found = placed(["a", "bbb"], (), (400, 4_400))
    assert [(word.start_samples, word.end_samples) for word in found] == [(400, 1_400), (1_400, 4_400)]


def test_an_interim_rest_lies_behind_what_is_finished() -> None:
    finished = Part("hello world", finished=True, processed_samples=2_000, words=known("hello", "world"))
    transcript = heard((finished,), (Part("and more", processed_samples=8_000),))
    guess = transcript.news()
    assert guess is not None
    assert guess.text == "hello world and more"
    assert guess.stable_words == 2
    assert guess.words[1].end_samples == START + 1_800
    assert guess.words[2].start_samples == START + 1_800
    assert guess.words[3].end_samples == START + 8_000
    assert transcript.news() is None


def test_a_finished_part_takes_the_place_of_what_was_interim() -> None:
    transcript = heard((Part("hello word"),), (Part("hello world", finished=True),))
    assert transcript.final().text == "hello world"


def test_a_message_without_words_is_no_news_but_tells_what_is_through() -> None:
    transcript = heard((Part("hello"),))
    transcript.news()
    transcript.hear([Part(" ", processed_samples=4_000)])
    assert transcript.news() is None
    assert transcript.processed_samples == 4_000
    assert transcript.final().text == "hello"


@given(st.lists(st.tuples(WORDS, WORDS, st.booleans(), st.integers(0, 30_000)), max_size=6))
def test_words_are_in_order_and_inside_the_audio_whatever_is_told(
    told: list[tuple[list[str], list[str], bool, int]],
) -> None:
    transcript = Transcript(START)
    for count, (texts, words, finished, processed_samples) in enumerate(told, start=1):
        transcript.sent_samples = 4_000 * count
        part = Part(" ".join(texts), finished, 0.5, processed_samples, known(*words))
        transcript.hear([part])
        for guess in (transcript.news(), transcript.final()):
            if guess is None:
                continue
            places = [place for word in guess.words for place in (word.start_samples, word.end_samples)]
            assert all(one <= other for one, other in pairwise([START, *places, START + transcript.sent_samples]))
    assert all(word.text for word in transcript.final().words)
