from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.asr.endpointing import EndpointingRules
from services.asr.engine import Endpoint, Speech
from services.asr.gate import Gate, Gated, SpeechEdge
from services.asr.silero import FRAME_SAMPLES
from services.asr.vad import EnergyVad
from services.common.audio.pcm import Pcm

PRE_ROLL = 4800
RULES = EndpointingRules(trailing_silence_samples=8000, max_segment_samples=80_000, least_silence_samples=4800)


def make() -> Gate:
    return Gate(EnergyVad(), RULES, PRE_ROLL)


def counting(first: int, count: int) -> Pcm:
    """Audio each sample of which tells its place: loud enough to be speech."""
    return np.arange(10_000 + first, 10_000 + first + count).astype(np.int16)


def through(gate: Gate, audio: Pcm, chunk: int) -> list[Gated]:
    passed: list[Gated] = []
    for start in range(0, len(audio), chunk):
        passed += gate.hear(audio[start : start + chunk])
    return passed


def speech(passed: list[Gated]) -> list[Speech]:
    return [item for item in passed if isinstance(item, Speech)]


def test_silence_does_not_pass() -> None:
    assert not through(make(), np.zeros(160_000, dtype=np.int16), 1600)


def test_the_first_speech_begins_before_its_onset() -> None:
    audio = np.concatenate((np.zeros(32_000, dtype=np.int16), counting(0, 8000)))
    first = speech(through(make(), audio, 1600))[0]
    assert 32_000 - PRE_ROLL - 2 * FRAME_SAMPLES <= first.offset_samples <= 32_000 - PRE_ROLL
    np.testing.assert_array_equal(first.pcm, audio[first.offset_samples :][: len(first.pcm)])


def test_the_next_segment_takes_nothing_that_was_in_the_one_before() -> None:
    gate = make()
    audio = np.concatenate((counting(0, 8000), np.zeros(9000, dtype=np.int16), counting(0, 8000)))
    passed = through(gate, audio, 1600)
    end = next(place for place, item in enumerate(passed) if isinstance(item, Endpoint))
    last, following = speech(passed[:end])[-1], speech(passed[end:])[0]
    assert following.offset_samples >= last.offset_samples + len(last.pcm)


def test_closing_lets_the_last_part_of_a_frame_through() -> None:
    gate = make()
    passed = through(gate, counting(0, 5000), 1600) + list(gate.close())
    assert sum(len(item.pcm) for item in speech(passed)) == 5000
    assert passed[-2:] == [Endpoint(), SpeechEdge(False, 5000 - 5000 % FRAME_SAMPLES)]
    assert gate.silent_until_samples == 5000


def test_closing_without_an_open_segment_gives_nothing() -> None:
    gate = make()
    through(gate, np.zeros(5000, dtype=np.int16), 1600)
    assert not list(gate.close())


def test_audio_goes_on_at_another_offset() -> None:
    gate = make()
    through(gate, np.zeros(5000, dtype=np.int16), 1600)
    gate.move(1_000_000)
    assert gate.silent_until_samples == 1_000_000
    assert speech(through(gate, counting(0, 5000), 1600))[0].offset_samples == 1_000_000


def test_while_silent_what_may_still_become_speech_is_not_finished() -> None:
    gate = make()
    through(gate, np.zeros(160_000, dtype=np.int16), 1600)
    (onset, first) = through(gate, counting(0, 1024), 1024)[:2]
    assert isinstance(onset, SpeechEdge)
    assert isinstance(first, Speech)
    assert first.offset_samples >= 160_000 - PRE_ROLL - 3 * FRAME_SAMPLES


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 30_000)), max_size=8),
    st.sampled_from([160, 511, 512, 1600, 100_000]),
)
def test_every_sample_passes_at_most_once_in_order_and_all_speech_passes(
    parts: list[tuple[bool, int]], chunk: int
) -> None:
    gate = make()
    audio = np.concatenate(
        [np.zeros(0, np.int16), *(np.full(n, 5000 if loud else 0, np.int16) for loud, n in parts)]
    ).astype(np.int16)
    passed = [*through(gate, audio, chunk), *gate.finish()]
    end = 0
    for piece in speech(passed):
        assert piece.offset_samples >= end
        np.testing.assert_array_equal(piece.pcm, audio[piece.offset_samples :][: len(piece.pcm)])
        end = piece.offset_samples + len(piece.pcm)
    assert gate.heard_samples == gate.silent_until_samples == len(audio)
    opens = [item.started for item in passed if isinstance(item, SpeechEdge)]
    assert opens == [True, False] * (len(opens) // 2)
    heard = sum(int(np.count_nonzero(piece.pcm)) for piece in speech(passed))
    # What is lost is at most a run too short to be speech, at each change and at the end.
    assert np.count_nonzero(audio) - heard <= 3 * FRAME_SAMPLES * (len(parts) + 1)


class RandomVad:
    """Likely to hear speech, and now and then not."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def probabilities(self, pcm: Pcm) -> list[float]:
        return [float(each) for each in self._random.random(len(pcm) // FRAME_SAMPLES) ** 0.3]

    def reset(self) -> None:
        """Nothing to forget."""


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1000, 400_000), st.sampled_from([160, 512, 1600, 100_000]))
def test_of_one_who_never_pauses_each_sample_is_in_one_segment_none_too_long(
    seed: int, length: int, chunk: int
) -> None:
    gate = Gate(RandomVad(seed), RULES, PRE_ROLL)
    audio = np.random.default_rng(seed).integers(-9000, 9000, length).astype(np.int16)
    start = end = -1
    for item in [*through(gate, audio, chunk), *gate.finish()]:
        if isinstance(item, Speech):
            start = item.offset_samples if start < 0 else start
            assert end < 0 or item.offset_samples == end
            end = item.offset_samples + len(item.pcm)
            assert end - start <= RULES.max_segment_samples + PRE_ROLL + 2 * FRAME_SAMPLES
            np.testing.assert_array_equal(item.pcm, audio[item.offset_samples : end])
        elif isinstance(item, Endpoint):
            start = -1
    assert end in (-1, length)


def test_a_split_falls_between_words_and_not_into_one() -> None:
    gate = make()
    audio = np.full(160_000, 9000, np.int16)
    audio[73_000:75_000] = 500  # still speech to this VAD
    passed = through(gate, audio, 1600)
    end = next(place for place, item in enumerate(passed) if isinstance(item, Endpoint))
    last, following = speech(passed[:end])[-1], speech(passed[end:])[0]
    assert 73_000 <= last.offset_samples + len(last.pcm) == following.offset_samples <= 75_000


def test_what_is_held_back_for_a_better_split_comes_when_it_is_asked_for() -> None:
    gate = make()
    audio = np.full(79_000, 9000, np.int16)
    audio[73_000:75_000] = 500
    passed = through(gate, audio, 1600)
    assert gate.given_samples <= 75_000
    passed += gate.release()
    assert gate.given_samples == sum(len(item.pcm) for item in speech(passed)) == 79_000 - 79_000 % FRAME_SAMPLES


def test_offsets_are_right_to_fifty_milliseconds_after_a_minute_of_silence() -> None:
    gate = make()
    audio = np.concatenate((np.zeros(960_123, np.int16), counting(0, 8000), np.zeros(16_000, np.int16)))
    edges = [item.offset_samples for item in through(gate, audio, 1600) if isinstance(item, SpeechEdge)]
    np.testing.assert_allclose(edges, [960_123, 968_123], atol=800)


def test_offsets_stay_right_through_twenty_turns_of_speech_and_silence() -> None:
    gate = make()
    audio = np.concatenate([np.zeros(0, np.int16)] + 20 * [counting(0, 17_001), np.zeros(13_003, np.int16)])
    edges = [item.offset_samples for item in through(gate, audio, 1600) if isinstance(item, SpeechEdge)]
    said = [place for turn in range(20) for place in (turn * 30_004, turn * 30_004 + 17_001)]
    np.testing.assert_allclose(edges, said, atol=800)
