"""The decoder's steps as they are written anew, beside the makers' branch that they are written from."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from services.asr.engines.moonshine import ort_format, stepping
from services.asr.engines.moonshine.ort_format import Cut, Graph, floats, integers
from services.asr.engines.moonshine.row_wise import row_wise
from services.asr.engines.moonshine.stepping import HEAD_WIDTH, HEADS, HEARD, LOGITS, PLACES, TOKENS, VISIBLE, past
from tests.models.installed import installed

BUNDLE = installed("moonshine-tiny-en")
RANDOM = np.random.default_rng(1)
FRAMES, KNOWN, GIVEN = 20, 5, 3
# What the makers' branch makes of the cache's length.
_PLACES, _VISIBLE, _FRAMES = (f"/model/decoder/{each}_output_0" for each in ("Unsqueeze", "Expand", "Slice_1"))

pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif(BUNDLE is None, reason="the bundle moonshine-tiny-en is not installed"),
]


@pytest.fixture(scope="module")
def branch() -> Graph:
    assert BUNDLE is not None
    return row_wise(ort_format.read(BUNDLE / "decoder_model_merged.ort").branches["then_branch"])


def session(model: bytes) -> Any:
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def caches() -> dict[str, Any]:
    lengths = {"decoder": KNOWN, "encoder": FRAMES}
    shapes = {name: (1, HEADS, length, HEAD_WIDTH) for of, length in lengths.items() for name in past(of)}
    return {name: RANDOM.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def makers(branch: Graph) -> Any:
    inputs = [
        integers(TOKENS, "batch", "tokens"),
        integers(_PLACES, "batch", "tokens"),
        helper.make_tensor_value_info(_VISIBLE, TensorProto.BOOL, ("batch", 1, "tokens", "all")),
        integers(_FRAMES, "batch", "frames"),
        *(floats(name, "batch", HEADS, "length", HEAD_WIDTH) for name in [*past("decoder"), *past("encoder")]),
    ]
    return session(ort_format.part(branch, Cut(inputs, [LOGITS])))


def test_a_step_computes_what_the_makers_branch_does(branch: Graph) -> None:
    cached, tokens = caches(), RANDOM.integers(5, 30_000, (1, GIVEN))
    places = KNOWN + np.arange(GIVEN)[None]
    seen = np.concatenate((np.ones((GIVEN, KNOWN), bool), np.tri(GIVEN, dtype=bool)), axis=1)[None, None]
    seen[..., 1] = False  # a column of another window
    heard = np.arange(FRAMES)[None] < FRAMES - 6
    theirs = {TOKENS: tokens, _PLACES: places, _VISIBLE: seen, _FRAMES: heard.astype(np.int64), **cached}
    low = np.float32(-1e30)
    ours = {
        TOKENS: tokens,
        PLACES: places,
        VISIBLE: np.where(seen, np.float32(0), low),
        HEARD: np.repeat(np.where(heard, np.float32(0), low)[:, None, None], GIVEN, axis=2),
        **cached,
    }
    (expected,) = makers(branch).run([LOGITS], theirs)
    (found,) = session(ort_format.part(*stepping.stepping(branch))).run([LOGITS], ours)
    assert np.abs(found - expected).mean() < 0.01 * np.abs(expected).mean()


def test_a_branch_of_another_export_is_refused_by_the_name_it_lacks(branch: Graph) -> None:
    other = Graph([each for each in branch.nodes if each.name != "/proj_out/MatMul_quant"], branch.weights, [], {})
    with pytest.raises(KeyError, match="/proj_out/MatMul_quant"):
        stepping.stepping(other)


def test_it_has_fewer_than_a_quarter_of_the_operators(branch: Graph) -> None:
    written, _ = stepping.stepping(branch)
    assert len(written.nodes) < len(branch.nodes) / 4
    assert {numpy_helper.to_array(each).shape for each in written.weights if each.name == "sines"} == {(1_024, 16)}
