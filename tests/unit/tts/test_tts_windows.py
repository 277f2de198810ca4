"""Windows of a latent, and what they keep of it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.tts.neural.windows import Cutting

sizes = st.integers(1, 60)
cuttings = st.builds(Cutting, reach=st.integers(0, 30), first=sizes, most=sizes, even=st.booleans())


@given(cuttings, st.integers(1, 500))
def test_every_frame_is_kept_once_with_all_that_its_samples_depend_on(cutting: Cutting, frames: int) -> None:
    cut = list(cutting.windows(frames))
    assert [frame for each in cut for frame in range(each.first, each.last)] == list(range(frames))
    for each in cut:
        assert 0 <= each.start <= max(0, each.first - cutting.reach)
        assert frames >= each.stop >= min(frames, each.last + cutting.reach)


@given(cuttings, st.integers(1, 500))
def test_each_keeps_at_most_twice_what_is_heard_meanwhile(cutting: Cutting, frames: int) -> None:
    kept = [each.last - each.first for each in cutting.windows(frames)]
    assert kept[0] <= cutting.first
    assert all(after <= 2 * before for before, after in pairwise(kept))
    assert max(kept) <= max(cutting.first, cutting.most)


@given(st.integers(100, 500))
def test_long_latents_are_cut_evenly_into_windows_that_can_be_decoded_together(frames: int) -> None:
    cut = list(Cutting(reach=5, first=8, most=16, even=True).windows(frames))
    assert {each.stop - each.start for each in cut[1:]} == {16 + 2 * 5}
