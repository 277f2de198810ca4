"""The encoder as it is written anew, beside the makers' own."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from services.asr.engines.moonshine import ort_format
from services.asr.engines.moonshine.encoding import FRAMES, SAMPLES, encoding
from services.asr.engines.moonshine.ort_format import Graph
from services.asr.engines.moonshine.signed import signed
from services.common.audio.pcm import ASR_RATE
from services.common.neural.exactness import exact
from tests.models.installed import installed

BUNDLE = installed("moonshine-tiny-en")

pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif(BUNDLE is None, reason="the bundle moonshine-tiny-en is not installed"),
]


@pytest.fixture(scope="module")
def makers() -> Graph:
    assert BUNDLE is not None
    return ort_format.read(BUNDLE / "encoder_model.ort")


def session(model: str | bytes) -> Any:
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("seconds", [0.1, 1.0, 6.0])
def test_a_window_gets_the_frames_it_had(makers: Graph, seconds: float) -> None:
    samples = np.random.default_rng(1).normal(0, 0.05, (1, round(seconds * ASR_RATE))).astype(np.float32)
    theirs = {SAMPLES: samples, "attention_mask": np.ones(samples.shape, np.int64)}
    (expected,) = session(f"{BUNDLE}/encoder_model.ort").run([FRAMES], theirs)
    written = ort_format.part(*encoding(signed(makers) if exact() else makers))
    (found,) = session(written).run([FRAMES], {SAMPLES: samples})
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 0.05 * np.abs(expected).mean()  # a number rounded the other way is seen


def test_it_has_fewer_than_a_quarter_of_the_operators(makers: Graph) -> None:
    model = onnx.load_from_string(ort_format.part(*encoding(makers)))
    assert len(model.graph.node) < len(makers.nodes) / 4


def test_an_encoder_of_another_export_is_refused_by_the_name_it_lacks(makers: Graph) -> None:
    other = Graph([each for each in makers.nodes if each.name != "/rotary_emb/Expand"], makers.weights, [], {})
    with pytest.raises(KeyError, match="/rotary_emb/Expand"):
        encoding(other)
