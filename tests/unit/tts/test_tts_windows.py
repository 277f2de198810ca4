"""Windows of a latent, and what they keep of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.tts.onnx.windows import windows

sizes = st.integers(1, 60)


@given(frames=st.integers(1, 500), reach=st.integers(0, 30), first=sizes, others=sizes)
def test_every_frame_is_kept_once_with_all_that_its_samples_depend_on(
    frames: int, reach: int, first: int, others: int
) -> None:
    cut = list(windows(frames, reach, first, others))
    assert [frame for each in cut for frame in range(each.first, each.last)] == list(range(frames))
    for each in cut:
        assert each.start <= max(0, each.first - reach)
        assert each.stop >= min(frames, each.last + reach)


@given(reach=st.integers(0, 30), first=sizes, others=sizes)
def test_the_first_is_short_and_the_others_have_one_length(reach: int, first: int, others: int) -> None:
    frames = 3 * (first + others + 2 * reach) + 5
    start, *rest = windows(frames, reach, first, others)
    assert start.stop == first + reach
    assert {each.stop - each.start for each in rest[reach // first :]} <= {others + 2 * reach}
