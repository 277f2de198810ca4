"""Products of rows with signed weights, in the place of products by blocks: quicker where signed weights are exact.

Each row is scaled by its own largest number, so that its result does not depend on the others, and rounded to 8 bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from services.asr.engines.moonshine.ort_format import Graph

_BLOCKED, _BIAS = "MatMulNBits", 5  # the operator that is replaced, and the place of its bias
_HALF, _STEPS = 128, 127  # numbers of 8 bits, of each sign
_CONSTANTS = {
    "rows/step": np.float32(1 / _STEPS),
    "rows/zero": np.uint8(_HALF),
    "rows/least": np.float32(1e-9),  # that a row is divided by
    "rows/last": np.array([-1], np.int64),
}


def signed_rows(graph: Graph) -> Graph:
    """Return the graph with its products by blocks replaced. Those whose weight is computed stay, and branches do."""
    weights = {weight.name: weight for weight in graph.weights}
    made = {name: numpy_helper.from_array(np.asarray(each), name) for name, each in _CONSTANTS.items()}
    nodes: list[NodeProto] = []
    rounded: set[str] = set()  # inputs: several products may take one
    for node in graph.nodes:
        if node.op_type != _BLOCKED or node.input[1] not in weights:
            nodes.append(node)
            continue
        if node.input[0] not in rounded:
            nodes += _rounding(node.input[0])
            rounded.add(node.input[0])
        nodes += _product(node)
        made |= {tensor.name: tensor for tensor in _unpacked(node, weights)}
    return Graph(nodes, [*graph.weights, *made.values()], graph.opsets, graph.branches)


def _rounding(given: str) -> Iterator[NodeProto]:
    """Write what divides rows by their largest numbers, and rounds them to 8 bits."""
    yield helper.make_node("Abs", [given], [f"{given}/sizes"])
    yield helper.make_node("ReduceMax", [f"{given}/sizes", "rows/last"], [f"{given}/largest"], keepdims=1)
    yield helper.make_node("Max", [f"{given}/largest", "rows/least"], [f"{given}/reach"])
    yield helper.make_node("Div", [given, f"{given}/reach"], [f"{given}/shares"])
    yield helper.make_node("QuantizeLinear", [f"{given}/shares", "rows/step", "rows/zero"], [f"{given}/rounded"])


def _product(node: NodeProto) -> Iterator[NodeProto]:
    """Write a product of rounded rows, made as large as they were."""
    given, weight, made, bias = node.input[0], node.input[1], node.output[0], node.input[_BIAS : _BIAS + 1]
    inputs = [f"{given}/rounded", f"{weight}/signed", "rows/step", f"{weight}/scale", "rows/zero", f"{weight}/zero"]
    yield helper.make_node("MatMulIntegerToFloat", inputs, [f"{made}/shares"], domain="com.microsoft")
    scaled = f"{made}/scaled" if bias else made
    yield helper.make_node("Mul", [f"{made}/shares", f"{given}/reach"], [scaled])
    if bias:
        yield helper.make_node("Add", [scaled, *bias], [made])


def _unpacked(node: NodeProto, weights: Mapping[str, TensorProto]) -> Iterator[TensorProto]:
    """Return the weight of a product as signed numbers [rows, columns], with the scale and zero of each column."""
    name = node.input[1]
    rows = next(attribute.i for attribute in node.attribute if attribute.name == "K")
    blocks, scales, zeros = (numpy_helper.to_array(weights[each]) for each in node.input[1:4])
    numbers = blocks.reshape(len(blocks), -1)[:, :rows].T.astype(np.int16) - _HALF
    yield numpy_helper.from_array(np.ascontiguousarray(numbers.astype(np.int8)), f"{name}/signed")
    yield numpy_helper.from_array(np.ascontiguousarray(scales[:, 0]), f"{name}/scale")
    yield numpy_helper.from_array((zeros[:, 0].astype(np.int16) - _HALF).astype(np.int8), f"{name}/zero")
