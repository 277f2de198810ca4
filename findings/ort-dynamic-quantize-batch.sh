#!/usr/bin/env bash
# ONNX Runtime 1.31.1: in a dynamically quantized network, a row's result depends on the other rows of its batch.
#
# Expected: a matrix product works on each row by itself, so that a row gives the same result alone and in a batch.
# Instead:  DynamicQuantizeLinear takes one scale from the whole tensor (the standard defines it so). A neighbour of large values
#           makes the steps coarse for all, and a row of small values loses its digits. A float product has no such effect.
# Matters:  a live service batches the windows or sentences of several sessions. With 8-bit weights, one speaker's
#           close calls and confidences then depend on who else is served at that moment, and a repeat gives other words.
# Seen:     speech recognizers and translators exported with 8-bit weights; the standard's text of DynamicQuantizeLinear.
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper

random = np.random.default_rng(1)
weights = random.integers(-127, 128, (64, 16)).astype(np.int8)
SCALE = np.float32(0.01)


def session(quantized):
    """A product of rows [rows, 64] with the same weights, in 8 bits or in floats."""
    constants = {"w": weights, "w_scale": SCALE, "w_float": weights.astype(np.float32) * SCALE}
    if quantized:
        nodes = [
            helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
            helper.make_node("MatMulInteger", ["q", "w", "zero"], ["product"]),
            helper.make_node("Cast", ["product"], ["cast"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["scale", "w_scale"], ["both"]),
            helper.make_node("Mul", ["cast", "both"], ["y"]),
        ]
        kept = ["w", "w_scale"]
    else:
        nodes, kept = [helper.make_node("MatMul", ["x", "w_float"], ["y"])], ["w_float"]
    graph = helper.make_graph(
        nodes,
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 16])],
        [numpy_helper.from_array(np.asarray(constants[name]), name) for name in kept],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def change(quantized):
    """How far the first row's result moves when a row of large values joins, relative to its largest value."""
    quiet = random.normal(0, 1, (1, 64)).astype(np.float32)
    loud = random.normal(0, 30, (1, 64)).astype(np.float32)
    ran = session(quantized)
    (alone,) = ran.run(None, {"x": quiet})
    (together,) = ran.run(None, {"x": np.concatenate([quiet, loud])})
    return float(np.abs(together[0] - alone[0]).max() / np.abs(alone[0]).max())


floats, bits = change(False), change(True)
print(f"change of a row's result by a neighbour: {floats:.6f} in floats, {bits:.3f} in 8 bits")
sys.exit(0 if floats < 1e-5 and bits > 0.05 else "The finding has changed.")
PYTHON
