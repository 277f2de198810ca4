"""A model in sense-voice's layout that hears levels: "loud", "soft" or nothing, and writes them so."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH = 560  # seven frames of eighty bands
TOKENS = ("<blank>", "<|en|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>", "\u2581Soft", "\u2581loud.")
PROMPTS = 4  # of its outputs come before those of the audio, and say what kind of speech it is
SLOPES, OFFSETS = (0.0, 1.0, 2.0), (0.0, -7.0, -25.0)  # of blank, soft and loud over the mean; edges at 7 and 18


def write(folder: Path, languages: tuple[str, ...] = ("en-US",)) -> Path:
    """A bundle of it."""
    folder.mkdir()
    onnx.save(_model(), folder / "model.onnx")
    lines = [f"{token} {number}\n" for number, token in enumerate(TOKENS)]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    contents = {name: (folder / name).read_bytes() for name in ("model.onnx", "tokens.txt")}
    manifest = {
        "name": "levels",
        "version": "1",
        "stage": "asr",
        "engine": "sherpa",
        "layout": "sense-voice",
        "languages": languages,
        "sample_rate_hertz": 16_000,
        "licence": "Apache-2.0",
        "source": "tests",
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in contents.items()
        },
    }
    (folder / "bundle.json").write_text(json.dumps(manifest))
    return folder


def _model() -> onnx.ModelProto:
    constants: dict[str, np.ndarray[Any, Any]] = {
        "slopes": np.array([[[SLOPES[0], 0, 0, 0, 0, *SLOPES[1:]]]], np.float32),
        "offsets": np.array([OFFSETS[0], -99, -99, -99, -99, *OFFSETS[1:]], np.float32),
        "prompts": np.eye(len(TOKENS), dtype=np.float32)[None, 1 : PROMPTS + 1] * 9,
        "one": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["level"], axes=[2], keepdims=1),
        helper.make_node("MatMul", ["level", "slopes"], ["sloped"]),
        helper.make_node("Add", ["sloped", "offsets"], ["heard"]),
        helper.make_node("Shape", ["x"], ["streams"], start=0, end=1),
        helper.make_node("Concat", ["streams", "one", "one"], ["repeats"], axis=0),
        helper.make_node("Tile", ["prompts", "repeats"], ["before"]),
        helper.make_node("Concat", ["before", "heard"], ["logits"], axis=1),
    ]
    numbers = {name: helper.make_tensor_value_info(name, TensorProto.INT32, ["batch"]) for name in _NUMBERS}
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "frames", WIDTH]), *numbers.values()]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "all", len(TOKENS)])]
    stored = [numpy_helper.from_array(constant, name) for name, constant in constants.items()]
    graph = helper.make_graph(nodes, "levels", inputs, outputs, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {key: str(value) for key, value in _METADATA.items()})
    return model


_NUMBERS = ("x_length", "language", "text_norm")
_METADATA = {
    "comment": "levels",
    "vocab_size": len(TOKENS),
    "lfr_window_size": 7,
    "lfr_window_shift": 6,
    "normalize_samples": 0,  # they are of 16 bits
    "with_itn": 14,
    "without_itn": 15,
    **{f"lang_{name}": number for number, name in enumerate(("auto", "zh", "en", "ja", "ko", "yue"))},
    "neg_mean": ",".join(["0"] * WIDTH),
    "inv_stddev": ",".join(["1"] * WIDTH),
}
