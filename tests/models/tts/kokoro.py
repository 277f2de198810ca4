"""A network with the inputs of Kokoro's and the names where its graph is cut: each symbol is a frame of a tone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from services.common.neural.bundles import Bundle, Manifest, file_sum, write
from services.tts.engines.kokoro.network import CONTENT, DURATIONS, ENERGY, HOP, INPUTS, PITCH, STYLE

HERTZ = 240  # whole waves in half a frame
LOUDNESS = 0.3


def model(content: str = CONTENT) -> onnx.ModelProto:
    """The network; `content` is the name of what stands between its parts."""
    half = HOP // 2
    wave = np.sin(2 * np.pi * np.arange(half, dtype=np.float32) * HERTZ / 24_000)[None, None]
    weights = {
        "ones": np.ones((512, 1), np.float32),
        "wave": wave.astype(np.float32),
        "zero": np.float32(0),
        "loudness": np.float32(LOUDNESS),
        "row": np.array([1, -1], np.int64),
        "line": np.array([1, 1, -1], np.int64),
        "flat": np.array([-1], np.int64),
        "halves": np.array([1, -1, 1], np.int64),
        "twice": np.ones((1, 1, 2), np.float32),
        "one": np.float32(1),
    }
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, STYLE]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    assert {each.name for each in inputs} == set(INPUTS)
    graph = helper.make_graph(
        _nodes(content),
        "kokoro",
        inputs,
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["samples"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _nodes(content: str) -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("Cast", ["tokens"], ["symbols"], to=TensorProto.FLOAT),
        node("Clip", ["symbols", "one", "one"], [DURATIONS]),
        node("Reshape", ["symbols", "halves"], ["column"]),
        node("Reshape", ["symbols", "line"], ["lined"]),
        node("MatMul", ["ones", "lined"], [content]),
        node("Mul", ["column", "twice"], ["doubled"]),
        node("Reshape", ["doubled", "row"], [PITCH]),
        node("Div", [PITCH, "speed"], ["slowed"]),
        node("Reshape", ["slowed", "row"], [ENERGY]),
        node("Clip", [PITCH, "zero", "loudness"], ["loud"]),
        node("Reshape", ["loud", "halves"], ["halved"]),
        node("Mul", ["halved", "wave"], ["waves"]),
        *(
            part
            for name in (content, ENERGY, "style")
            for part in (
                node("ReduceMean", [name], [f"{name}_m"], keepdims=0),
                node("Mul", [f"{name}_m", "zero"], [f"{name}_0"]),
            )
        ),
        node("Sum", ["waves", *(f"{name}_0" for name in (content, ENERGY, "style"))], ["summed"]),
        node("Reshape", ["summed", "flat"], ["audio"]),
    ]


def bundle(
    folder: Path,
    network: onnx.ModelProto | None = None,
    languages: Sequence[str] = ("es", "en-US"),
    voices: Sequence[str] = ("ef_dora", "em_alex", "af_heart"),
) -> Bundle:
    """A bundle of the network, in a folder."""
    (folder / "voices").mkdir()
    (folder / "model.onnx").write_bytes((network or model()).SerializeToString())
    for name in voices:
        np.zeros((510, STYLE), "<f4").tofile(folder / "voices" / f"{name}.bin")
    files = ["model.onnx", *(f"voices/{name}.bin" for name in voices)]
    manifest = Manifest(
        name="tiny",
        version="1",
        stage="tts",
        engine="kokoro",
        layout="kokoro",
        languages=tuple(languages),
        sample_rate_hertz=24_000,
        licence="Apache-2.0",
        source="made by tests/models/tts/kokoro.py",
        files={name: file_sum(folder / name) for name in files},
    )
    return write(folder, manifest)
