"""Weights of 8 bits moved into the signed range: what is computed with them stays the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from services.asr.engines.moonshine.ort_format import Cut, Graph, floats, part
from services.asr.engines.moonshine.signed import signed
from services.common.neural.exactness import exact

ROWS, COLUMNS, ZERO = 64, 16, 131
RANDOM = np.random.default_rng(1)
GIVEN = RANDOM.normal(0, 1, (3, ROWS)).astype(np.float32)


def fused() -> list[NodeProto]:
    return [helper.make_node("DynamicQuantizeMatMul", ["x", "w", "scale", "zero"], ["y"], domain="com.microsoft")]


def split() -> list[NodeProto]:
    names = ["q", "w", "x_scale", "scale", "x_zero", "zero"]
    return [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "x_scale", "x_zero"]),
        helper.make_node("MatMulIntegerToFloat", names, ["y"], domain="com.microsoft"),
    ]


def graph(nodes: list[NodeProto]) -> Graph:
    constants: dict[str, Any] = {
        "w": RANDOM.integers(0, 256, (ROWS, COLUMNS)).astype(np.uint8),
        "scale": np.float32(0.02),
        "zero": np.uint8(ZERO),
        "table": np.array([200], np.uint8),  # no product takes it
    }
    kept = [numpy_helper.from_array(np.asarray(each), name) for name, each in constants.items()]
    return Graph(nodes, kept, [("", 18), ("com.microsoft", 1)], {})


def computed(made: Graph) -> Any:
    model = part(made, Cut([floats("x", "rows", ROWS)], ["y"]))
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(["y"], {"x": GIVEN})[0]


@pytest.mark.parametrize("nodes", [fused, split])
def test_products_with_signed_weights_compute_the_same_where_this_processor_is_exact(nodes: Any) -> None:
    given = graph(nodes())
    same = np.array_equal(computed(given), computed(signed(given)))
    assert same or not exact()


def test_only_weights_of_products_are_moved_and_their_zeros_with_them() -> None:
    given = graph(fused())
    kinds = {weight.name: weight.data_type for weight in signed(given).weights}
    assert (kinds["w"], kinds["zero"], kinds["table"]) == (TensorProto.INT8, TensorProto.INT8, TensorProto.UINT8)
    weights, moved = ({each.name: numpy_helper.to_array(each) for each in of.weights} for of in (given, signed(given)))
    assert np.array_equal(weights["w"].astype(int) - ZERO, moved["w"].astype(int) - moved["zero"])
