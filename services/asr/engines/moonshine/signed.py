"""Has weights of 8 bits multiplied as signed numbers, where this processor does that exactly: there it is much quicker.

Processors with instructions for sums of 8-bit products have them for unsigned inputs with signed weights. On others
such a product is summed in 16 bits, which the largest numbers overflow: there weights stay unsigned, as they were made.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, numpy_helper

from services.asr.engines.moonshine.ort_format import Graph

_WEIGHT, _ZERO = 1, {"DynamicQuantizeMatMul": 3, "MatMulIntegerToFloat": 5}  # inputs of each operator
_HALF = 128


def signed(graph: Graph) -> Graph:
    """Return the graph with the unsigned weights of its products moved into the signed range, zeros and all.

    It computes the same. Branches stay as they are.
    """
    products = [node for node in graph.nodes if node.op_type in _ZERO]
    moved = {node.input[place] for node in products for place in (_WEIGHT, _ZERO[node.op_type])}
    weights = [_moved(each) if each.name in moved else each for each in graph.weights]
    return Graph(graph.nodes, weights, graph.opsets, graph.branches)


def _moved(tensor: TensorProto) -> TensorProto:
    if tensor.data_type != TensorProto.UINT8:
        return tensor
    numbers = numpy_helper.to_array(tensor).astype(np.int16) - _HALF
    return numpy_helper.from_array(numbers.astype(np.int8), tensor.name)
