"""What is heard of a clause, however it is cut into pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.audio.pcm import Pcm
from services.tts.measures import FULL_SCALE, Measures, Sound
from tests.measured import measured

RATE = 8_000
WINDOW = 160  # samples of 20 ms

SOUNDS = st.sampled_from([0, 60, -61, 100, 110, 9_000, FULL_SCALE, -FULL_SCALE, -FULL_SCALE - 1])
STRETCHES = st.lists(st.tuples(SOUNDS, st.integers(1, 9_000) | st.integers(1, 3)), min_size=1, max_size=12)


def heard(audio: Pcm, cuts: list[int]) -> Sound:
    sound = Sound(RATE)
    for piece in np.split(audio, sorted(cut % len(audio) for cut in cuts)):
        if len(piece):
            sound.passed(piece)
    sound.settle()
    return sound


@settings(max_examples=200, deadline=None)
@given(STRETCHES, st.lists(st.integers(0, 50_000), max_size=12))
def test_how_speech_is_cut_into_pieces_makes_no_difference(stretches: list[tuple[int, int]], cuts: list[int]) -> None:
    audio = np.concatenate([np.full(count, level, np.int16) for level, count in stretches])
    sound = heard(audio, cuts)
    loud = np.abs(audio.astype(int))
    at_scale = "".join("x" if level >= FULL_SCALE else "." for level in loud)
    windows = loud[: len(loud) // WINDOW * WINDOW].reshape(-1, WINDOW)
    levels = np.sqrt((windows**2).mean(axis=1)) / 32_768
    assert sound.samples == len(audio)
    assert sound.audible == bool((loud > 60).any())
    assert sound.clipping.found == ("xxx" in at_scale)
    assert sound.silence.windows == len(windows)
    assert sound.silence.silent == int((levels < 10 ** (-50 / 20)).sum())


@pytest.mark.parametrize(("before", "behind", "clipped"), [(1, 2, True), (2, 1, True), (1, 1, False)])
def test_three_samples_at_full_scale_in_a_row_are_seen_across_pieces(before: int, behind: int, clipped: bool) -> None:
    crest = np.full(before + behind, FULL_SCALE, np.int16)
    audio = np.concatenate([np.zeros(50, np.int16), crest, np.zeros(50, np.int16)])
    assert heard(audio, [50 + before]).clipping.found is clipped


def test_what_nobody_hears_to_its_end_is_audio_and_no_more() -> None:
    measures = Measures("es", RATE)
    with measured() as read:
        measures.passed(np.zeros(RATE, np.int16), 0.1)
        measures.end(whole=False, compute_seconds=0.1)
        assert read.values("tts.audio") == {("es",): 1.0}
        for name in ("engine.duration", "real_time_factor", "tts.silent", "tts.silence", "tts.first_audio"):
            assert not read.points(name)
