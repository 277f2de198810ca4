"""Products of 8-bit integers, as nodes of a graph. No row that is multiplied depends on another, in either way.

Where ONNX Runtime's product of unsigned and signed integers is exact (on processors with VNNI; on others sums of two
products overflow), whole matrices are multiplied. A row is rounded by its greatest number then: to 8 bits where none
of it is below zero, else to 16, multiplied in two halves. For many rows that takes less time than rows rounded in
blocks, which an operator of its own multiplies; for one it takes longer.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from services.mt.neural.building import Graph
from services.mt.neural.weights import Array, Linear, Weight

_MICROSOFT = "com.microsoft"
_BLOCKS = (32, 16)  # numbers that are rounded together, of those the operator has
_SIGNED, _UNSIGNED = 127, 255  # the greatest integers
_ZERO = 128  # of unsigned integers that stand for signed ones
_HALVES = 2 * _SIGNED  # one of the first half is so many of the second
_LEAST = 1e-9  # the greatest number of a row that is all zeros
_INTEGERS = 4  # the operator's `accuracy_level` for products of 8-bit integers


def by_step(graph: Graph, value: str, linear: Linear) -> str:
    """Add a linear layer on [rows, in] whose rows are all rounded by the step that the model gives for its inputs.

    The first half reaches twice as far as the model says, so that nothing is cut off.
    """
    assert linear.step is not None
    step, zero = _number(graph, 2 * linear.step), graph.holds(np.array(_ZERO, np.uint8))
    high = graph.add("QuantizeLinear", value, step, zero)
    rest = graph.add("Sub", value, graph.add("DequantizeLinear", high, step, zero))
    low = graph.add("QuantizeLinear", rest, _number(graph, 2 * linear.step / _HALVES), zero)
    scale = _scale_of(graph, linear.weight)
    product = _product(graph, graph.add("Concat", high, low, axis=0), (graph.holds(linear.weight.values), scale), step)
    made = _of_halves(graph, product)
    return made if linear.bias is None else graph.add("Add", made, graph.holds(linear.bias))


def by_rows(graph: Graph, value: str, linear: Linear, positive: bool) -> str:
    """Add a linear layer on [rows, in], each row rounded as a whole; `positive` where no number is below zero."""
    if positive:
        made = _of_positive(graph, value, linear)
    else:
        made = _of_any(graph, value, graph.holds(linear.weight.values), _scale_of(graph, linear.weight))
    return made if linear.bias is None else graph.add("Add", made, graph.holds(linear.bias))


def by_columns(graph: Graph, value: str, columns: str, scale: Array) -> str:
    """Add the product of [rows, in] and an integer matrix [in, out] of the graph, each row rounded as a whole."""
    return _of_any(graph, value, columns, graph.holds(scale))


def _of_positive(graph: Graph, value: str, linear: Linear) -> str:
    scale = _scale(graph, value, _UNSIGNED)
    shifted = graph.add("Add", graph.add("Div", value, scale), _number(graph, 0.5))
    rounded = graph.add("Cast", shifted, to=TensorProto.UINT8)
    weights = (graph.holds(linear.weight.values), _scale_of(graph, linear.weight))
    product = _product(graph, rounded, weights, _number(graph, 1), 0)
    return graph.add("Mul", product, scale)


def _of_any(graph: Graph, value: str, weights: str, weights_scale: str) -> str:
    scale = _scale(graph, graph.add("Abs", value), _SIGNED)
    shifted = graph.add("Add", graph.add("Div", value, scale), _number(graph, _ZERO + 0.5))
    high = graph.add("Cast", shifted, to=TensorProto.UINT8)
    rest = graph.add("Sub", shifted, graph.add("Cast", high, to=TensorProto.FLOAT))  # 0.5 more than what is lacking
    shifted = graph.add("Add", graph.add("Mul", rest, _number(graph, _HALVES)), _number(graph, 1.5))
    both = graph.add("Concat", high, graph.add("Cast", shifted, to=TensorProto.UINT8), axis=0)
    product = _product(graph, both, (weights, weights_scale), _number(graph, 1))
    return graph.add("Mul", _of_halves(graph, product), scale)


def _of_halves(graph: Graph, product: str) -> str:
    """Add the sum of the products of two halves of numbers, which are stacked one behind the other."""
    high, low = graph.split("Split", product, names=["", ""], axis=0, num_outputs=2)
    return graph.add("Add", high, graph.add("Mul", low, _number(graph, 1 / _HALVES)))


def _scale(graph: Graph, sizes: str, most: int) -> str:
    """Add the scale, [rows, 1], by which a row's greatest number becomes `most`."""
    greatest = graph.add("ReduceMax", sizes, graph.integers(1), keepdims=1)
    return graph.add("Max", graph.add("Mul", greatest, _number(graph, 1 / most)), _number(graph, _LEAST))


def _product(graph: Graph, rounded: str, weights: tuple[str, str], step: str, zero: int = _ZERO) -> str:
    """Add a product of 8-bit integers; `weights` names the integer matrix and its scale."""
    given = (rounded, weights[0], step, weights[1], graph.holds(np.array(zero, np.uint8)))
    return graph.add("MatMulIntegerToFloat", *given, domain=_MICROSOFT)


def _scale_of(graph: Graph, weight: Weight) -> str:
    assert weight.scale is not None
    return graph.holds(weight.scale.astype(np.float32))


def _number(graph: Graph, value: float) -> str:
    return graph.holds(np.array(value, np.float32))


def by_blocks(graph: Graph, value: str, linear: Linear) -> str:
    """Add a linear layer on [rows, in], each row rounded in blocks."""
    weight = linear.weight
    assert weight.scale is not None
    taken, made = weight.values.shape
    size = next(size for size in _BLOCKS if taken % size == 0)
    blocks = (weight.values.T.astype(np.int16) + _ZERO).astype(np.uint8).reshape(made, taken // size, size)
    scales = np.broadcast_to(weight.scale.astype(np.float32).reshape(-1, 1), (made, taken // size))
    bias = [] if linear.bias is None else ["", "", graph.holds(linear.bias)]
    given = (value, graph.holds(blocks), graph.holds(scales), *bias)
    sizes = {"K": taken, "N": made, "bits": 8, "block_size": size, "accuracy_level": _INTEGERS}
    return graph.add("MatMulNBits", *given, domain=_MICROSOFT, **sizes)
