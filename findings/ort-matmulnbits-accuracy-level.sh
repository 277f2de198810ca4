#!/usr/bin/env bash
# ONNX Runtime 1.31.1: MatMulNBits with 8-bit weights is many times slower than floats, unless an accuracy level is asked for.
#
# Expected: `accuracy_level` says what precision is asked for, and its default leaves the choice to the runtime; weights of a
#           quarter of the bytes take no longer than floats for one row.
# Instead:  by default the whole weight is turned into floats again at each call. One row takes ten times as long as with floats
#           and more; with accuracy_level=4 it takes less than with floats.
# Matters:  a live decoder multiplies one row, or a few, at each step. Exporters that leave the attribute out make a smaller
#           file that is much slower. With the attribute each row is scaled by itself, unlike with DynamicQuantizeLinear.
# Seen:     recognizers and translators with 8-bit weights on processors without a GPU.
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1

"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(1)
ROWS, COLUMNS, BLOCK = 256, 8192, 32
SCALE, ZERO = np.float32(0.01), 128
weights = random.integers(0, 256, (ROWS, COLUMNS)).astype(np.uint8)
blocked = np.ascontiguousarray(weights.T).reshape(COLUMNS, ROWS // BLOCK, BLOCK)
constants = {
    "blocks": blocked,
    "scales": np.full(blocked.shape[:2], SCALE),
    "zeros": np.full(blocked.shape[:2], ZERO, np.uint8),
    "floats": (weights.astype(np.float32) - ZERO) * SCALE,
}


def session(**level):
    """A product of rows [rows, 256]: in floats without a level, else with 8-bit weights."""
    names = ["blocks", "scales", "zeros"] if level else ["floats"]
    sizes = {"K": ROWS, "N": COLUMNS, "bits": 8, "block_size": BLOCK, "domain": "com.microsoft", **level} if level else {}
    node = helper.make_node("MatMulNBits" if level else "MatMul", ["x", *names], ["y"], **sizes)
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", ROWS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", COLUMNS])],
        [numpy_helper.from_array(constants[name], name) for name in names],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


sessions = {"floats": session(), "default": session(accuracy_level=0), "level 4": session(accuracy_level=4)}
row = random.normal(0, 1, (1, ROWS)).astype(np.float32)
took = {name: [] for name in sessions}
for _ in range(31):
    for name, each in sessions.items():
        began = time.thread_time()
        each.run(None, {"x": row})
        took[name].append(time.thread_time() - began)
times = {name: float(np.median(each)) for name, each in took.items()}
for name, seconds in times.items():
    print(f"one row, {name}: {1000 * seconds:.2f} ms of CPU, {seconds / times['floats']:.1f} times the floats")

loud = random.normal(0, 30, (1, ROWS)).astype(np.float32)
alone = sessions["level 4"].run(None, {"x": row})[0][0]
beside = sessions["level 4"].run(None, {"x": np.concatenate([row, loud])})[0][0]
same = bool(np.array_equal(alone, beside))
print(f"level 4: a row beside a loud one is {'what it was alone' if same else 'another'}")
slow = times["default"] > 4 * times["floats"] and times["level 4"] < times["floats"]
sys.exit(0 if slow and same else "The finding has changed.")
PYTHON
