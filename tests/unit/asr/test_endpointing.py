from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.asr.endpointing import Endpointing, EndpointingRules, Frame, Turn
from services.asr.silero import FRAME_SAMPLES

RULES = EndpointingRules(
    trailing_silence_samples=16 * FRAME_SAMPLES,
    max_segment_samples=100 * FRAME_SAMPLES,
    least_silence_samples=16 * FRAME_SAMPLES,
)
ADAPTIVE = replace(RULES, least_silence_samples=8 * FRAME_SAMPLES)


def hear(endpointing: Endpointing, probabilities: list[float], first_frame: int = 0) -> list[tuple[int, Turn]]:
    """The frames that changed something, by number, and what they changed. They are as loud as they are likely."""
    turns: list[tuple[int, Turn]] = []
    for number, probability in enumerate(probabilities, first_frame + 1):
        turn = endpointing.hear(Frame(probability, probability, number * FRAME_SAMPLES))
        if turn is not Turn.NONE:
            turns.append((number, turn))
    return turns


def test_speech_starts_at_its_first_frame_and_ends_with_its_last() -> None:
    endpointing = Endpointing(RULES)
    turns = hear(endpointing, [0.0] * 5 + [0.9] * 10 + [0.0] * 20)
    assert turns == [(7, Turn.ONSET), (31, Turn.ENDPOINT)]
    assert endpointing.speech_start_samples == 5 * FRAME_SAMPLES
    assert endpointing.speech_end_samples == 15 * FRAME_SAMPLES
    assert not endpointing.open


def test_a_click_of_one_frame_is_no_speech() -> None:
    assert not hear(Endpointing(RULES), [0.0, 0.9, 0.0, 0.9, 0.0] * 10)


def test_a_pause_shorter_than_the_trailing_silence_keeps_the_segment_open() -> None:
    turns = hear(Endpointing(RULES), [0.9] * 10 + [0.0] * 15 + [0.9] * 10)
    assert turns == [(2, Turn.ONSET)]


def test_a_wavering_frame_between_the_two_thresholds_counts_as_speech_once_it_has_begun() -> None:
    assert hear(Endpointing(RULES), [0.4] * 50) == []
    assert hear(Endpointing(RULES), [0.9] * 2 + [0.4] * 40) == [(2, Turn.ONSET)]


def test_a_long_segment_ends_at_a_shorter_pause_than_a_short_one() -> None:
    pause = [0.0] * 8
    assert hear(Endpointing(RULES), [0.9] * 30 + pause + [0.9] * 5) == [(2, Turn.ONSET)]
    turns = hear(Endpointing(RULES), [0.9] * 80 + pause + [0.9] * 5)
    assert [turn for _, turn in turns] == [Turn.ONSET, Turn.ENDPOINT, Turn.ONSET]


def test_speech_without_a_pause_is_split_at_the_longest_segment_and_goes_on() -> None:
    endpointing = Endpointing(RULES)
    turns = hear(endpointing, [0.9] * 250)
    assert turns == [(2, Turn.ONSET), (100, Turn.SPLIT), (199, Turn.SPLIT)]
    assert endpointing.open
    assert endpointing.speech_start_samples == 198 * FRAME_SAMPLES


def test_a_split_falls_where_the_last_stretch_is_faintest() -> None:
    endpointing = Endpointing(RULES)
    turns = hear(endpointing, [0.9] * 93 + [0.5, 0.5] + [0.9] * 3 + [0.4] + [0.9] * 20)
    assert turns == [(2, Turn.ONSET), (100, Turn.SPLIT)]
    assert endpointing.speech_start_samples == 94 * FRAME_SAMPLES  # not at the single frame, which is fainter


def test_what_was_released_is_not_split_again() -> None:
    endpointing = Endpointing(RULES)
    hear(endpointing, [0.9] * 93 + [0.5, 0.5] + [0.9] * 2)
    endpointing.release(97 * FRAME_SAMPLES)
    assert hear(endpointing, [0.9] * 5, first_frame=97) == [(100, Turn.SPLIT)]
    assert endpointing.speech_start_samples >= 97 * FRAME_SAMPLES


def spoken(endpointing: Endpointing, pauses: list[int], first_frame: int = 0) -> int:
    """Frames of silence that end the segment after speech with such pauses, in frames; 10 of speech between."""
    probabilities = [probability for pause in pauses for probability in [0.9] * 10 + [0.0] * pause] + [0.9] * 10
    speech_end = first_frame + len(probabilities)
    return hear(endpointing, probabilities + [0.0] * 30, first_frame)[-1][0] - speech_end


def test_of_a_speaker_who_pauses_briefly_less_silence_is_asked_but_not_less_than_the_least() -> None:
    endpointing = Endpointing(replace(ADAPTIVE, max_segment_samples=10_000 * FRAME_SAMPLES))
    needed = [spoken(endpointing, [4] * 3, first_frame) for first_frame in range(0, 1000, 100)]
    assert needed[0] > needed[2] > needed[-1] == 8


def test_of_a_speaker_who_pauses_long_all_silence_is_asked() -> None:
    endpointing = Endpointing(replace(ADAPTIVE, max_segment_samples=10_000 * FRAME_SAMPLES))
    assert [spoken(endpointing, [14, 6, 15], first_frame) for first_frame in range(0, 1000, 100)] == [16] * 10


def test_segments_ended_too_early_make_the_next_wait_longer() -> None:
    endpointing = Endpointing(replace(ADAPTIVE, max_segment_samples=10_000 * FRAME_SAMPLES))
    for first_frame in range(0, 1000, 100):
        spoken(endpointing, [4] * 3, first_frame)
    turns = hear(endpointing, ([0.9] * 10 + [0.0] * 14) * 8, first_frame=1000)
    assert [turn for _, turn in turns].count(Turn.ENDPOINT) < 4
    assert turns[-1][1] is Turn.ONSET


def test_a_session_that_asks_for_less_than_the_least_gets_it() -> None:
    endpointing = Endpointing(replace(ADAPTIVE, trailing_silence_samples=5 * FRAME_SAMPLES))
    assert spoken(endpointing, [4, 4]) == 5


def test_after_a_close_speech_must_start_anew() -> None:
    endpointing = Endpointing(RULES)
    hear(endpointing, [0.9] * 10)
    endpointing.close()
    assert not endpointing.open
    assert hear(endpointing, [0.9] * 3, first_frame=10) == [(12, Turn.ONSET)]
    assert endpointing.speech_start_samples == 10 * FRAME_SAMPLES


@given(st.lists(st.floats(0, 1), max_size=400), st.sampled_from([RULES, ADAPTIVE]))
def test_segments_alternate_are_bounded_and_move_forward(probabilities: list[float], rules: EndpointingRules) -> None:
    endpointing = Endpointing(rules)
    opened, before = -1, 0
    for number, probability in enumerate(probabilities, 1):
        was_open = endpointing.open
        turn = endpointing.hear(Frame(probability, probability, number * FRAME_SAMPLES))
        assert (turn is Turn.ONSET) <= (not was_open)
        assert (turn in (Turn.ENDPOINT, Turn.SPLIT)) <= was_open
        if turn in (Turn.ONSET, Turn.SPLIT):
            opened = endpointing.speech_start_samples
            assert opened >= before
        if turn is Turn.ENDPOINT:
            before = endpointing.speech_end_samples
        if turn is Turn.SPLIT:
            before = endpointing.speech_start_samples
        if endpointing.open:
            assert number * FRAME_SAMPLES - opened < RULES.max_segment_samples
