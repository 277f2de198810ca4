"""Graphs in ONNX Runtime's own format, of which parts are taken out; windows of which some are computed together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from services.asr.engines.moonshine.model import together
from services.asr.engines.moonshine.ort_format import Cut, floats, part, read
from services.common.errors import InvalidArgument


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A graph y = -(x + w) of two operators, in ONNX Runtime's format."""
    weight = numpy_helper.from_array(np.array([1.0, 2.0], np.float32), "w")
    nodes = [helper.make_node("Add", ["x", "w"], ["sum"]), helper.make_node("Neg", ["sum"], ["y"])]
    graph = helper.make_graph(nodes, "g", [floats("x", 2)], [floats("y", 2)], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "graph.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return tmp_path / "graph.ort"


def run(model: bytes, name: str) -> list[float]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {name: np.array([10.0, 20.0], np.float32)})
    return [float(number) for number in found]


def test_a_whole_graph_computes_what_it_did(saved: Path) -> None:
    assert run(part(read(saved), Cut([floats("x", 2)], ["y"])), "x") == [-11.0, -22.0]


def test_a_part_takes_what_it_computed_itself_before(saved: Path) -> None:
    assert run(part(read(saved), Cut([floats("sum", 2)], ["y"])), "sum") == [-10.0, -20.0]


def test_a_file_in_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "decoder.ort").write_bytes(b"not a graph at all")
    with pytest.raises(InvalidArgument, match=r"decoder\.ort is not in ONNX Runtime's format"):
        read(tmp_path / "decoder.ort")


def test_windows_of_like_lengths_are_decoded_together() -> None:
    assert together([100, 600, 130, 520]) == [[1, 3], [2, 0]]
    assert together([]) == []
