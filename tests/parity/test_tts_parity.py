"""The references of neural voices that are committed, against the libraries that made them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.tts.reference import ASKED, HERE, by_piper, by_transformers


@pytest.mark.parametrize("place", range(len(ASKED)))
def test_the_committed_samples_are_what_the_library_says(place: int) -> None:
    asked = ASKED[place]
    if asked.voice == "es-mms":
        said = by_transformers(asked.text, asked.rate)
    else:
        said = by_piper(asked.voice, asked.text, asked.rate)
    with np.load(HERE / "reference.npz") as known:
        expected = known[str(place)]
    assert len(said) == len(expected)
    assert np.abs(said.astype(int) - expected).max() <= 4
