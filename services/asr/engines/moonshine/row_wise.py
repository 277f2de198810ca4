"""Makes the result of each row of an 8-bit product independent of the other rows in the batch.

The makers' products scale their input by its largest value, over all rows: the words of one window then depend on who
else is in the batch, and on how much of a draft is tried at once. `MatMulNBits` scales each row by itself, in blocks.
The weights stay what they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from services.asr.engines.moonshine.ort_format import Graph

BLOCK = 32  # numbers of a row that share a scale
_DOMAIN = "com.microsoft"
_FUSED, _SPLIT = "DynamicQuantizeMatMul", "MatMulIntegerToFloat"
_BITS = 8
_COMPUTES_IN_BITS = 4  # the operator's accuracy level: its input is scaled to 8 bits, too


def row_wise(graph: Graph) -> Graph:
    """Return the graph with its dynamically scaled products replaced. Others, and branches, stay as they are."""
    weights = {weight.name: weight for weight in graph.weights}
    made = {name: node for node in graph.nodes for name in node.output}
    nodes: list[NodeProto] = []
    packed: dict[str, TensorProto] = {}
    for node in graph.nodes:
        if (product := _product(node, made)) is None or not weights.keys() >= set(product[1:4]):
            nodes.append(node)
            continue
        given, weight, scale, zero, bias = product
        found = _packed(weight, *(numpy_helper.to_array(weights[name]) for name in (weight, scale, zero)))
        packed |= {tensor.name: tensor for tensor in found}
        rows, columns = weights[weight].dims
        inputs = [given, *(tensor.name for tensor in found), *(["", bias] if bias else [])]
        nodes.append(_node(inputs, node, rows, columns))
    return Graph(nodes, [*graph.weights, *packed.values()], graph.opsets, graph.branches)


def _product(node: NodeProto, made: Mapping[str, NodeProto]) -> tuple[str, str, str, str, str] | None:
    """Return the names of an 8-bit product's input, weight, scale, zero point and bias; None for other operators."""
    names = [*node.input, ""]
    if node.op_type == _FUSED:
        return names[0], names[1], names[2], names[3], names[4]
    scaled = made.get(names[0])
    if node.op_type == _SPLIT and scaled is not None and scaled.op_type == "DynamicQuantizeLinear":
        return scaled.input[0], names[1], names[3], names[5], names[6]
    return None


def _packed(name: str, weight: NDArray[Any], scale: NDArray[Any], zero: NDArray[Any]) -> Iterable[TensorProto]:
    """Yield the weight [rows, columns] as the operator takes it, [columns, blocks, BLOCK], with a scale and zero per
    block.
    """
    rows, columns = weight.shape
    shape = columns, -(-rows // BLOCK)
    shift = 128 if weight.dtype == np.int8 else 0  # the operator's numbers are unsigned
    zeros = np.broadcast_to(zero.reshape(-1, 1), shape).astype(np.int16) + shift
    numbers = np.repeat(zeros, BLOCK, axis=1)
    numbers[:, :rows] = weight.T.astype(np.int16) + shift
    blocks = numbers.astype(np.uint8).reshape(*shape, BLOCK)
    scales = np.broadcast_to(scale.reshape(-1, 1), shape).astype(np.float32)
    made = {"blocks": blocks, "scales": scales, "zeros": zeros.astype(np.uint8)}
    return [numpy_helper.from_array(np.ascontiguousarray(each), f"{name}/{kind}") for kind, each in made.items()]


def _node(inputs: list[str], replaced: NodeProto, rows: int, columns: int) -> NodeProto:
    node = helper.make_node("MatMulNBits", inputs, list(replaced.output), replaced.name, domain=_DOMAIN)
    sizes = {"K": rows, "N": columns, "bits": _BITS, "block_size": BLOCK, "accuracy_level": _COMPUTES_IN_BITS}
    node.attribute.extend(helper.make_attribute(name, value) for name, value in sizes.items())
    return node
