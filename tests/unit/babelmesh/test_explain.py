"""A timeline of one utterance, from the events alone."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelmesh.cli.captions import Languages
from babelmesh.cli.drawing import ascii_picture, svg_picture
from babelmesh.cli.explain import Explanation, Lane, Mark, Utterance
from realtime.v1 import realtime_translate_pb2 as pb

LANGUAGES = Languages("en", ("es",), ("es-ES",))
NARROWEST = 24  # of the picture itself


def _heard(
    text: str, stable: str = "", segment_id: int = 1, words: tuple[tuple[str, int, int], ...] = ()
) -> pb.AsrResult:
    spoken = [pb.Word(text=word, start_ms=start, end_ms=end) for word, start, end in words]
    return pb.AsrResult(text=text, stable_length=len(stable), final=bool(words), words=spoken, segment_id=segment_id)


def _translated(text: str, stable: str = "", final: bool = False) -> pb.TranslationResult:
    return pb.TranslationResult(text=text, stable_length=len(stable), final=final, segment_id=1, target_lang="es-ES")


def _spoken(text: str, ms: int) -> pb.TtsChunk:
    return pb.TtsChunk(text=text, data=bytes(2 * 16 * ms), sample_rate=16_000, segment_id=1, target_lang="es-ES")


@pytest.fixture
def utterance() -> Utterance:
    explanation = Explanation(LANGUAGES)
    words = (("good", 1000, 1300), ("morning", 1300, 1700), ("all", 1800, 2000))
    for at_ms, event in (
        (1400, _heard("good mor")),
        (1800, _heard("good morning a", "good morning")),
        (1900, _translated("buenos días", "buenos")),
        (2100, _spoken("buenos", 600)),
        (2200, _spoken("", 200)),
        (2500, _heard("good morning all", words=words)),
        (2600, _translated("buenos días a todos", final=True)),
        (2650, _spoken("días a todos", 1000)),
    ):
        explanation.take(event, at_ms)
    found = explanation.utterance()
    assert found is not None
    return found


def test_each_word_stands_where_it_was_heard_concluded_and_spoken(utterance: Utterance) -> None:
    assert (utterance.segment_id, utterance.start_ms) == (1, 1000)
    assert utterance.lanes == (
        Lane("en", "heard", (Mark("good", 1300), Mark("morning", 1700), Mark("all", 2000))),
        Lane("en", "concluded", (Mark("good morning", 1800), Mark("all", 2500))),
        Lane("es", "concluded", (Mark("buenos", 1900), Mark("días a todos", 2600))),
        # The second clause came while the first was being played.
        Lane("es", "spoken", (Mark("buenos", 2100, 2900), Mark("días a todos", 2900, 3900))),
    )


def test_the_summary_tells_how_late_the_first_and_the_last_words_were(utterance: Utterance) -> None:
    assert utterance.summary() == [
        "es concluded: first word +0.90 s, last +0.60 s",
        "es spoken: first word +1.10 s, last +1.90 s",
    ]


def test_the_text_picture_reads_from_left_to_right(utterance: Utterance) -> None:
    assert ascii_picture(utterance, 76) == [
        "             0s        0.5s       1s        1.5s       2s        2.5s",
        "en heard           |good    |morning",
        "                                  |all",
        "en concluded                  |good morning  |all",
        "es concluded                    |buenos        |días a todos",
        "es spoken                           |buenos----------|días a todos--------",
    ]


@given(
    st.lists(
        st.tuples(st.text("abc ñ&<", min_size=1, max_size=60), st.integers(0, 9000), st.integers(0, 3000)), max_size=12
    ),
    st.integers(1, 200),
)
def test_no_picture_is_wider_than_its_terminal_and_every_svg_is_well_formed(
    marks: list[tuple[str, int, int]], width: int
) -> None:
    spoken = tuple(Mark(text, start, start + length) for text, start, length in sorted(marks, key=lambda mark: mark[1]))
    lanes = (Lane("en", "heard", (Mark("x", 500),)), Lane("es", "spoken", spoken))
    drawn = Utterance(1, 0, max([1000.0, *(mark.end_ms for mark in spoken)]), lanes)
    lines = ascii_picture(drawn, width)
    assert max(len(line) for line in lines) <= max(width, NARROWEST + len("es spoken "))
    ElementTree.fromstring(svg_picture(drawn))


def test_of_several_utterances_one_that_can_be_read_is_taken() -> None:
    explanation = Explanation(LANGUAGES)
    for segment_id, count in ((1, 2), (2, 9), (3, 40)):
        words = tuple((f"w{number}", number * 100, number * 100 + 90) for number in range(count))
        explanation.take(_heard("x", segment_id=segment_id, words=words), 5000)
    found = explanation.utterance()
    assert found is not None
    assert found.segment_id == 2


def test_of_nothing_spoken_there_is_nothing_to_explain() -> None:
    explanation = Explanation(LANGUAGES)
    explanation.take(pb.AsrResult(text="typed", final=True, segment_id=1), 10)
    assert explanation.utterance() is None
