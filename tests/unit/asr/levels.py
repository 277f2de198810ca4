"""Recognizers in NeMo's layout that hear how loud it is: every token has a level of noise of its own.

What a window says is emitted with the window after it, from the encoder's cache: so words that come out right have had
the right caches all the way.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from services.asr.engines.onnx.features import Features
from services.common.audio.pcm import Pcm
from services.common.neural.bundles import file_sum

BINS = 80
WINDOW, SHIFT = 12, 8
STEP_SAMPLES = SHIFT * 160
PIECES = ("▁one", "▁two", "ty", "▁ann", "▁an", "▁new", "▁york")
BETWEEN = "ann or an"  # rather "an"
SURE = 0.65  # so far off a token's level is heard as that token
ALIKE = ("▁ann", "▁an")  # their levels are neighbours; what is between them is one or the other
METADATA: dict[str, str | int] = {
    "window_size": WINDOW,
    "chunk_shift": SHIFT,
    "subsampling_factor": 8,
    "vocab_size": len(PIECES),
    "normalize_type": "NA",
    "model_type": "EncDecHybridRNNTCTCBPEModel",
    "cache_last_channel_dim1": 1,
    "cache_last_channel_dim2": 1,
    "cache_last_channel_dim3": 1,
    "cache_last_time_dim1": 1,
    "cache_last_time_dim2": 2,
    "cache_last_time_dim3": 3,
    "pred_rnn_layers": 1,
    "pred_hidden": len(PIECES) + 1,
}


def said(*pieces: str) -> Pcm:
    """Audio of these pieces, a step long each, and as much silence for ""; silence behind the last."""
    return np.concatenate([_noise(piece) for piece in (*pieces, "")])


def bundle(folder: Path, layout: str = "nemo-transducer", pieces: Sequence[str] = PIECES, **wrong: Any) -> Path:
    """A bundle of this recognizer; `wrong` replaces what the metadata of its encoder says."""
    folder.mkdir(parents=True)
    metadata = {key: value for key, value in {**METADATA, **wrong}.items() if value is not None}
    if layout == "nemo-ctc":
        _save(folder / "model.onnx", _encoder(transposed=True), metadata)
    else:
        _save(folder / "encoder.onnx", _encoder(transposed=False), metadata)
        _save(folder / "decoder.onnx", _decoder())
        _save(folder / "joiner.onnx", _joiner())
    lines = [f"{piece} {number}\n" for number, piece in enumerate([*pieces, "<blk>"])]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    describe(folder, layout)
    return folder


def describe(folder: Path, layout: str) -> None:
    """Writes the manifest of what is in the folder."""
    files = {path.name: file_sum(path).model_dump() for path in sorted(folder.iterdir()) if path.suffix != ".json"}
    manifest = {
        "name": folder.name,
        "version": "1",
        "stage": "asr",
        "engine": "onnx",
        "layout": layout,
        "languages": ["en-US"],
        "licence": "Apache-2.0",
        "source": "tests/unit/asr/levels.py",
        "files": files,
    }
    (folder / "bundle.json").write_text(json.dumps(manifest))


def _noise(piece: str) -> Pcm:
    if not piece:
        return np.zeros(STEP_SAMPLES, np.int16)
    level = np.average([PIECES.index(each) for each in ALIKE], weights=(0.43, 0.57))
    amplitude = 100.0 * 2.0 ** (level if piece == BETWEEN else PIECES.index(piece))
    # The same every 10 ms, so that all its frames are alike.
    block = np.random.default_rng(1).uniform(-amplitude, amplitude, 160)
    return np.tile(block, STEP_SAMPLES // 160).astype(np.int16)


def _levels() -> NDArray[np.float32]:
    """The mean of a window's middle in each token's noise."""
    found = []
    for piece in PIECES:
        features = Features(BINS)
        features.hear(np.tile(_noise(piece), 3))
        found.append(features.window(SHIFT, WINDOW)[_MIDDLE].mean())
    return np.array(found, np.float32)


_MIDDLE = slice(2, 6)  # frames of a window, away from the edges of a step


def _encoder(transposed: bool) -> onnx.GraphProto:
    """Frames are logits: how near each token's level is to that of the window before."""
    nodes = [
        helper.make_node("Slice", ["audio", "from", "to", "axis"], ["middle"]),
        helper.make_node("ReduceMean", ["middle"], ["level"], axes=[1, 2], keepdims=1),
        helper.make_node("Reshape", ["level", "four"], ["channel_next"]),
        helper.make_node("Reshape", ["channel", "three"], ["before"]),
        helper.make_node("Sub", ["before", "levels"], ["off"]),
        helper.make_node("Abs", ["off"], ["distance"]),
        helper.make_node("Mul", ["distance", "scale"], ["near"]),
        helper.make_node("Mul", ["before", "none"], ["nothing"]),
        helper.make_node("Add", ["nothing", "threshold"], ["blank"]),
        helper.make_node("Concat", ["near", "blank"], ["logits"], axis=2),
        helper.make_node("Transpose", ["logits"], ["frames"], perm=[0, 1, 2] if transposed else [0, 2, 1]),
        helper.make_node("Identity", ["length"], ["frames_length"]),
        helper.make_node("Identity", ["time"], ["time_next"]),
        helper.make_node("Add", ["filled", "one"], ["filled_next"]),
    ]
    constants = {
        "from": np.array([_MIDDLE.start]),
        "to": np.array([_MIDDLE.stop]),
        "axis": np.array([2]),
        "four": np.array([-1, 1, 1, 1]),
        "three": np.array([-1, 1, 1]),
        "levels": _levels()[None, None, :],
        "scale": np.float32(-10),
        "none": np.float32(0),
        "threshold": np.float32(-10 * SURE),
        "one": np.array([1]),
    }
    return _graph(nodes, *_streamed(transposed), constants)


def _streamed(transposed: bool) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
    """Inputs and outputs of an encoder."""
    shape = ("batch", 1, len(PIECES) + 1) if transposed else ("batch", len(PIECES) + 1, 1)
    caches = {"channel": ("batch", 1, 1, 1), "time": ("batch", 1, 2, 3)}
    inputs = [
        _floats("audio", ("batch", BINS, WINDOW)),
        _ints("length", ("batch",)),
        *(_floats(name, cache) for name, cache in caches.items()),
        _ints("filled", ("batch",)),
    ]
    outputs = [
        _floats("frames", shape),
        _ints("frames_length", ("batch",)),
        *(_floats(f"{name}_next", cache) for name, cache in caches.items()),
        _ints("filled_next", ("batch",)),
    ]
    return inputs, outputs


def _decoder() -> onnx.GraphProto:
    """Says no to the token just said, and to the one like it, so that a level that goes on says it once."""
    count = len(PIECES) + 1
    nodes = [
        helper.make_node("Gather", ["table", "token"], ["row"], axis=0),
        helper.make_node("Transpose", ["row"], ["prediction"], perm=[0, 2, 1]),
        helper.make_node("Identity", ["length"], ["prediction_length"]),
        helper.make_node("Identity", ["hidden"], ["hidden_next"]),
        helper.make_node("Identity", ["cell"], ["cell_next"]),
    ]
    table = -1000 * np.eye(count, dtype=np.float32)
    table[-1] = 0
    one, other = map(PIECES.index, ALIKE)
    table[one, other] = table[other, one] = -1000
    states = [(name, (1, "batch", count)) for name in ("hidden", "cell")]
    token = helper.make_tensor_value_info("token", TensorProto.INT32, ("batch", 1))
    length = helper.make_tensor_value_info("length", TensorProto.INT32, ("batch",))
    length_out = helper.make_tensor_value_info("prediction_length", TensorProto.INT32, ("batch",))
    inputs = [token, length, *(_floats(*state) for state in states)]
    outputs = [_floats("prediction", ("batch", count, 1)), length_out]
    outputs += [_floats(f"{name}_next", shape) for name, shape in states]
    return _graph(nodes, inputs, outputs, {"table": table})


def _joiner() -> onnx.GraphProto:
    count = len(PIECES) + 1
    nodes = [
        helper.make_node("Add", ["frame", "prediction"], ["sum"]),
        helper.make_node("Reshape", ["sum", "shape"], ["logits"]),
    ]
    inputs = [_floats(name, ("batch", count, 1)) for name in ("frame", "prediction")]
    outputs = [_floats("logits", ("batch", 1, 1, count))]
    return _graph(nodes, inputs, outputs, {"shape": np.array([-1, 1, 1, count])})


def _floats(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _ints(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.INT64, shape)


def _graph(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: dict[str, Any],
) -> onnx.GraphProto:
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    return helper.make_graph(nodes, "levels", inputs, outputs, initializers)


def _save(path: Path, graph: onnx.GraphProto, metadata: dict[str, Any] | None = None) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {key: str(value) for key, value in (metadata or {}).items()})
    onnx.save(model, path)
