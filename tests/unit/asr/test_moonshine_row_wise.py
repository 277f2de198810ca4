"""Products in 8 bits whose rows are computed together: a row's result is its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from services.asr.engines.moonshine.ort_format import Cut, Graph, floats, part
from services.asr.engines.moonshine.row_wise import row_wise
from services.asr.engines.moonshine.signed_rows import signed_rows
from services.common.neural.exactness import exact

ROWS, COLUMNS = 72, 16  # of the weight: the first is no multiple of a block
RANDOM = np.random.default_rng(1)
BIAS = RANDOM.normal(0, 1, COLUMNS).astype(np.float32)
QUIET = RANDOM.normal(0, 1, (1, ROWS)).astype(np.float32)
LOUD = RANDOM.normal(0, 30, (1, ROWS)).astype(np.float32)


def fused() -> list[NodeProto]:
    names = ["x", "w", "scale", "zero", "bias"]
    return [helper.make_node("DynamicQuantizeMatMul", names, ["y"], domain="com.microsoft")]


def split() -> list[NodeProto]:
    names = ["q", "w", "x_scale", "scale", "x_zero", "zero", "bias"]
    return [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "x_scale", "x_zero"]),
        helper.make_node("MatMulIntegerToFloat", names, ["y"], domain="com.microsoft"),
    ]


def graph(nodes: list[NodeProto], weight: NDArray[Any], zero: int) -> Graph:
    constants = {"w": weight, "scale": np.float32(0.02), "zero": weight.dtype.type(zero), "bias": BIAS}
    kept = [numpy_helper.from_array(np.asarray(each), name) for name, each in constants.items()]
    return Graph(nodes, kept, [("", 18), ("com.microsoft", 1)], {})


def computed(made: Graph, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    model = part(made, Cut([floats("x", "rows", ROWS)], ["y"]))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["y"], {"x": rows})[0])


@pytest.mark.parametrize("nodes", [fused, split])
@pytest.mark.parametrize(("kind", "zero"), [(np.uint8, 131), (np.int8, 0)])
def test_a_row_keeps_its_result_beside_a_loud_one(nodes: Any, kind: Any, zero: int) -> None:
    weight = RANDOM.integers(np.iinfo(kind).min, np.iinfo(kind).max, (ROWS, COLUMNS)).astype(kind)
    made = row_wise(graph(nodes(), weight, zero))
    alone, beside = computed(made, QUIET), computed(made, np.concatenate((QUIET, LOUD)))
    assert np.array_equal(alone[0], beside[0])
    exact = QUIET @ ((weight.astype(np.float32) - zero) * np.float32(0.02)) + BIAS
    assert np.abs(alone - exact).max() < 0.02 * np.abs(exact).max()


@pytest.mark.skipif(not exact(), reason="signed weights are not exact on this processor, and are not used")
@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_with_signed_weights_a_row_keeps_its_result_too_and_silence_is_none(kind: Any) -> None:
    weight = RANDOM.integers(np.iinfo(kind).min, np.iinfo(kind).max, (ROWS, COLUMNS)).astype(kind)
    made = signed_rows(row_wise(graph(fused(), weight, 3)))
    assert "MatMulNBits" not in {node.op_type for node in made.nodes}
    alone, beside = computed(made, QUIET), computed(made, np.concatenate((QUIET, LOUD, 0 * QUIET)))
    assert np.array_equal(alone[0], beside[0])
    assert np.array_equal(beside[2], BIAS)
    expected = QUIET @ ((weight.astype(np.float32) - 3) * np.float32(0.02)) + BIAS
    assert np.abs(alone - expected).max() < 0.02 * np.abs(expected).max()


def test_products_of_the_same_rows_round_them_once() -> None:
    weight = RANDOM.integers(0, 255, (ROWS, COLUMNS)).astype(np.uint8)
    given = graph(
        [*fused(), helper.make_node("DynamicQuantizeMatMul", ["x", "w", "scale", "zero"], ["z"])], weight, 128
    )
    kinds = [node.op_type for node in signed_rows(row_wise(given)).nodes]
    assert (kinds.count("MatMulIntegerToFloat"), kinds.count("QuantizeLinear")) == (2, 1)


def test_a_product_whose_weight_is_computed_stays() -> None:
    given = graph(fused(), RANDOM.integers(0, 255, (ROWS, COLUMNS)).astype(np.uint8), 128)
    other = Graph(given.nodes, [weight for weight in given.weights if weight.name != "w"], given.opsets, {})
    assert [node.op_type for node in row_wise(other).nodes] == ["DynamicQuantizeMatMul"]
