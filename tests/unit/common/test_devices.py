from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest

from services.common.errors import InvalidArgument
from services.common.neural import devices
from services.common.neural.devices import Device, chosen, placed, session
from tests.unit.common.tiny_model import model

CPU = Device("cpu", "cpu")


def test_auto_is_the_cpu_where_there_is_no_gpu_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert chosen("auto", threads=3) == Device("cpu", "cpu", 3)
    assert chosen("cpu").name == "cpu"


def test_a_gpu_that_was_asked_for_and_is_not_there_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(InvalidArgument, match="onnxruntime-gpu") as refused:
        chosen("cuda")
    assert (refused.value.code, refused.value.accepted) == ("DEVICE_MISSING", ("auto", "cpu", "cuda"))


def test_a_gpu_is_chosen_only_once_a_model_has_run_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where ONNX Runtime has the provider, but the driver or CUDA's libraries are missing."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [devices.CUDA, devices.CPU])
    monkeypatch.setattr(Device, "providers", [devices.CPU])
    assert chosen("auto").name == "cpu"
    with pytest.raises(InvalidArgument, match="libraries are missing"):
        chosen("cuda")


def test_a_session_that_was_to_be_on_a_gpu_is_never_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "providers", [devices.CPU])
    with pytest.raises(InvalidArgument, match="could not load it"):
        session(model(), Device("cuda", "cuda: one that has gone"))


def test_what_an_engine_asks_of_cuda_wins_over_what_all_are_given() -> None:
    device = Device("cuda", "cuda", number=1, options={"enable_cuda_graph": "1", "cudnn_conv_algo_search": "DEFAULT"})
    (provider, options), (rest, _) = device.providers
    assert (provider, rest) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options["device_id"] == 1
    assert (options["enable_cuda_graph"], options["cudnn_conv_algo_search"]) == ("1", "DEFAULT")
    assert options["arena_extend_strategy"] == "kSameAsRequested"


def test_it_is_told_where_the_operators_of_a_model_are_computed() -> None:
    assert placed(session(model(), CPU)) == {"CPUExecutionProvider": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>not found</html>", "it is no ONNX model"),
        (b"", "it is no ONNX model"),
        (model()[: len(model()) // 2], "it is no ONNX model"),
        (model(opset=99), "till opset"),
        (model(ir_version=99), "IR version: 99"),
        (model(operator="Nonsense"), "Nonsense"),
    ],
)
def test_a_file_that_cannot_be_run_is_told_by_its_name_and_what_is_wrong(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "encoder.onnx").write_bytes(content)
    with pytest.raises(InvalidArgument, match=message) as refused:
        session(tmp_path / "encoder.onnx", CPU)
    assert (refused.value.code, refused.value.field) == ("BUNDLE_UNUSABLE", f"bundle {tmp_path}")
    assert refused.value.message.startswith("encoder.onnx cannot be loaded: ")
    assert "onnxruntime_src" not in refused.value.message


def test_a_model_made_in_memory_that_cannot_be_run_is_told_likewise() -> None:
    with pytest.raises(InvalidArgument, match="IR version: 99"):
        session(model(ir_version=99), CPU)
