"""Whether ONNX Runtime multiplies integers of 8 bits exactly on this processor."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

_LENGTH = 64  # of the products that are tried


@cache
def exact() -> bool:
    """Return whether unsigned inputs and signed weights are multiplied exactly, tried with the largest numbers.

    They are where the processor has instructions for sums of such products (VNNI); others sum in 16 bits, which
    overflow.
    """
    inputs = np.full((2, _LENGTH), 255, np.uint8)
    weight = np.repeat(np.array([[127, -128]], np.int8), _LENGTH, axis=0)
    node = helper.make_node("MatMulInteger", ["x", "w"], ["y"])
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, inputs.shape)
    y = helper.make_tensor_value_info("y", TensorProto.INT32, None)
    graph = helper.make_graph([node], "largest", [x], [y], [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": inputs})
    return bool(np.array_equal(found, inputs.astype(np.int32) @ weight.astype(np.int32)))
