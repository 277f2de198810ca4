"""A microphone's frames on the session's clock, and what is played: pure, without a network."""

from __future__ import annotations

import asyncio
import itertools
from fractions import Fraction

import av
import numpy as np
import pytest

from services.edge.realtime.inputs import Spoken
from services.edge.webrtc.microphone import Clock, Microphone, mono
from services.edge.webrtc.voice import DUCKED, FRAME, Voice

NONE = Fraction(0)


def frame(pts: int, rate: int = 48_000, layout: str = "stereo", level: int = 1000) -> av.AudioFrame:
    """A frame of 20 ms."""
    channels = 2 if layout == "stereo" else 1
    made = av.AudioFrame.from_ndarray(np.full((1, channels * rate // 50), level, np.int16), "s16", layout)
    made.sample_rate, made.pts, made.time_base = rate, pts, Fraction(1, rate)
    return made


def heard(microphone: Microphone) -> list[Spoken]:
    found = []
    while (spoken := microphone.take()) is not None:
        found.append(spoken)
    return found


def test_frames_that_follow_are_one_piece_at_the_rate_of_speech() -> None:
    microphone = Microphone(5000, asyncio.Event())
    for count in range(50):
        microphone.hear(frame(90_000 + 960 * count))
    spoken = heard(microphone)
    assert microphone.rate == 16_000
    assert spoken[0].offset == 0
    assert sum(len(each.pcm) for each in spoken) == pytest.approx(2 * 16_000, abs=200)
    assert max(len(each.pcm) for each in spoken) <= 2 * 16_000 // 5
    assert abs(np.frombuffer(spoken[2].pcm, "<i2") - 1000).max() < 20


@pytest.mark.parametrize(
    ("rate", "layout", "given"), [(8_000, "mono", 8_000), (16_000, "mono", 16_000), (48_000, "mono", 16_000)]
)
def test_the_frame_says_which_rate_the_session_has(rate: int, layout: str, given: int) -> None:
    microphone = Microphone(5000, asyncio.Event())
    for count in range(10):
        microphone.hear(frame(rate // 50 * count, rate, layout))
    (spoken, *_) = heard(microphone)
    assert spoken.rate == given


def test_what_was_not_sent_is_a_hole_and_what_follows_keeps_its_place() -> None:
    microphone = Microphone(5000, asyncio.Event())
    for count in (*range(10), *range(60, 70)):
        microphone.hear(frame(960 * count))
    before, *_, after = heard(microphone)
    assert before.offset == 0
    assert after.offset == pytest.approx(1.2 * 16_000, abs=320)
    assert after.offset + len(after.pcm) // 2 == pytest.approx(1.4 * 16_000, abs=64)


def test_what_waits_for_too_long_is_left_out_from_its_beginning_and_told_by_its_offset() -> None:
    microphone = Microphone(1000, asyncio.Event())
    for count in range(200):
        microphone.hear(frame(960 * count))
    spoken = heard(microphone)
    assert spoken[0].offset == pytest.approx(3 * 16_000, abs=3_300)
    assert microphone.left_out_ms == pytest.approx(3000, abs=210)


def test_a_session_that_goes_on_begins_at_its_offset() -> None:
    microphone = Microphone(5000, asyncio.Event(), 24_000, 3_000)
    for count in range(4):
        microphone.hear(frame(960 * count))
    assert heard(microphone)[0].offset == 72_000


def test_a_clock_goes_on_over_the_end_of_its_32_bits_and_begins_anew_where_it_cannot_be_true() -> None:
    base, clock = Fraction(1, 48_000), Clock()
    assert clock.place((1 << 32) - 960, base, NONE) == 0
    assert clock.place(0, base, Fraction(1, 50)) == Fraction(1, 50)
    assert clock.place(960, base, Fraction(2, 50)) == Fraction(2, 50)
    assert clock.place(48_000 * 3_600, base, Fraction(3, 50)) == Fraction(3, 50)  # an hour later
    assert clock.place(17, base, Fraction(4, 50)) == Fraction(4, 50)  # before it began


def test_channels_become_one() -> None:
    assert set(mono(frame(0))) == {1000}
    assert len(mono(frame(0))) == FRAME


def test_a_voice_is_played_in_order_and_tells_how_far_it_was() -> None:
    voice = Voice()
    assert voice.frame() is None
    voice.add("es", 500, np.full(FRAME + 10, 7, np.int16))
    assert list(voice.played()) == [("es", 500)]
    first, second = voice.frame(), voice.frame()
    assert first is not None
    assert second is not None
    assert (set(first), list(second[:11])) == ({7}, [7] * 10 + [0])
    assert list(voice.played()) == [("es", 520)]
    assert list(voice.played()) == []
    assert voice.frame() is None


def test_the_original_is_turned_down_under_a_voice_and_comes_back_behind_it() -> None:
    voice, levels = Voice(), []
    for count in range(80):
        voice.hear(np.full(FRAME, 10_000, np.int16))
        if count == 10:
            voice.add("es", 0, np.zeros(FRAME * 20, np.int16))
        played = voice.frame()
        assert played is not None
        levels.append(int(played[-1]))
    assert levels[9] == 10_000
    assert levels[25] == pytest.approx(10_000 * DUCKED, abs=2)
    assert levels[35] == pytest.approx(10_000 * DUCKED, abs=2)  # the voice has just ended
    assert levels[-1] == 10_000
    assert max(abs(one - other) for one, other in itertools.pairwise(levels)) < 1500  # no jump


def test_of_an_original_that_nobody_plays_little_waits() -> None:
    voice = Voice()
    for _ in range(1000):
        voice.hear(np.zeros(FRAME, np.int16))
    assert len(voice.original) == 25
