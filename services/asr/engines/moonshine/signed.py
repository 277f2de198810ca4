"""Has weights of 8 bits multiplied as signed numbers, where this processor does that exactly: there it is much quicker.

Processors with instructions for sums of 8-bit products have them for unsigned inputs with signed weights. On others
such a product is summed in 16 bits, which the largest numbers overflow: there weights stay unsigned, as they were made.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from services.asr.engines.moonshine.ort_format import Graph

_WEIGHT, _ZERO = 1, {"DynamicQuantizeMatMul": 3, "MatMulIntegerToFloat": 5}  # inputs of each operator
_HALF = 128
_LENGTH = 64  # of the products that are tried


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


@cache
def exact() -> bool:
    """Return whether ONNX Runtime multiplies signed weights exactly here, tried with the largest numbers there are."""
    inputs = np.full((2, _LENGTH), 255, np.uint8)
    weight = np.repeat(np.array([[127, -128]], np.int8), _LENGTH, axis=0)
    node = helper.make_node("MatMulInteger", ["x", "w"], ["y"])
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, inputs.shape)
    y = helper.make_tensor_value_info("y", TensorProto.INT32, None)
    graph = helper.make_graph([node], "largest", [x], [y], [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": inputs})
    return bool(np.array_equal(found, inputs.astype(np.int32) @ weight.astype(np.int32)))
