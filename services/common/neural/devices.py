"""ONNX Runtime's device, chosen by setting: never silently another one than was asked for."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import onnxruntime
from onnx import TensorProto, helper
from onnxruntime.capi import onnxruntime_pybind11_state as faults

from services.common.errors import InvalidArgument
from services.common.neural.bundles import fault
from services.common.neural.gpus import gpus
from services.common.neural.settings import Asked

log = logging.getLogger(__name__)

_UNNAMED = "a GPU of NVIDIA's"  # to whoever asks, where the driver tells no name

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"

# For lengths and batches that change from call to call. An engine whose shapes are fixed asks for something else.
_CUDA_OPTIONS = {
    "arena_extend_strategy": "kSameAsRequested",  # the default doubles what it holds
    "cudnn_conv_algo_search": "HEURISTIC",  # the default tries out every algorithm for each new shape
    "use_tf32": "0",  # an fp32 model gives what it gives on the CPU; who wants it fast takes an fp16 one
}
_PREAMBLE = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : "
    r"(Load model from .*? failed:)?"
    r"(/\S+:\d+ [^(]*\([^()]*\) )?"  # a function of the runtime, and where it is in its source
)
_UNLOADABLE = (
    faults.EPFail,
    faults.Fail,
    faults.InvalidArgument,
    faults.InvalidGraph,
    faults.InvalidProtobuf,
    faults.NoModel,
    faults.NoSuchFile,
    faults.NotImplemented,
    faults.RuntimeException,
    RuntimeError,  # these two are the libraries' below it
    ValueError,
)

BROKEN = (  # what ONNX Runtime raises when a model is run; they have no class in common
    faults.EPFail,
    faults.Fail,
    faults.InvalidArgument,
    faults.InvalidGraph,
    faults.InvalidProtobuf,
    faults.ModelLoaded,
    faults.NoModel,
    faults.NoSuchFile,
    faults.NotImplemented,
    faults.RuntimeException,
    RuntimeError,  # of what is bound to a device
)


@dataclass(frozen=True, slots=True)
class Device:
    """A device for ONNX Runtime's sessions, with its provider's options."""

    kind: Literal["cpu", "cuda"]
    name: str  # as it is told: "cpu", or "cuda: NVIDIA H100"
    threads: int = 1  # of one call, on the CPU; measured best on few cores
    number: int = 0  # of the GPU
    options: dict[str, Any] = field(default_factory=dict)  # of the CUDA provider, for one kind of model

    @property
    def providers(self) -> Sequence[tuple[str, dict[str, Any]]]:
        """The providers for ONNX Runtime. Operators a GPU lacks go to the CPU provider: `placed` counts them."""
        cpu: tuple[str, dict[str, Any]] = (CPU, {})
        if self.kind == "cpu":
            return [cpu]
        return [(CUDA, {"device_id": self.number, **_CUDA_OPTIONS, **self.options}), cpu]


def chosen(asked: Asked, threads: int = 1, **cuda_options: Any) -> Device:
    """Return the device for a setting: `auto` is a GPU where there is one that works.

    Raises InvalidArgument when `cuda` was asked for and cannot be had.
    """
    reason = _why_no_cuda() if asked != "cpu" else "the setting says so"
    if asked == "cuda" and reason:
        raise InvalidArgument("DEVICE_MISSING", f"CUDA was asked for, but {reason}.", "device", ("auto", "cpu", "cuda"))
    device = Device("cpu", "cpu", threads)
    if not reason:
        device = Device("cuda", f"cuda: {next(iter(gpus()), '') or _UNNAMED}", threads, options=cuda_options)
    log.info("device chosen", extra={"fields": {"device": device.name, "reason": reason}})
    return device


def session(
    model: Path | bytes, device: Device, fixed_shapes: bool = False, arena: bool = True
) -> onnxruntime.InferenceSession:
    """Return a session of a model on the device. `fixed_shapes`: its inputs always have the same shapes, or one of a
    few. Without an `arena` the memory of a large input is released after each run, which takes a little longer.

    Raises InvalidArgument for what is no model, or none that this ONNX Runtime can run, and when a GPU was chosen and
    ONNX Runtime has left it for the CPU.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = device.threads
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.enable_mem_pattern = fixed_shapes  # it keeps a plan for every shape it has seen
    options.enable_cpu_mem_arena = arena
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    options.log_severity_level = 3  # errors; its warnings are about graphs, not for who runs them
    source = model if isinstance(model, bytes) else str(model)
    try:
        # By itself it would go on on the CPU after a fault of the GPU.
        loaded = onnxruntime.InferenceSession(source, options, providers=device.providers, enable_fallback=0)
    except _UNLOADABLE as error:
        raise _unusable(model, error) from error
    if device.kind == "cuda" and CUDA not in loaded.get_providers():
        raise InvalidArgument("DEVICE_MISSING", "CUDA was chosen, but ONNX Runtime could not load it.", "device")
    return loaded


def placed(loaded: onnxruntime.InferenceSession) -> dict[str, int]:
    """Return how many operators of a model's optimized graph each provider computes."""
    counts: dict[str, int] = {}
    for part in loaded.get_provider_graph_assignment_info():
        counts[part.ep_name] = counts.get(part.ep_name, 0) + len(part.get_nodes())
    return counts


def _unusable(model: Path | bytes, error: Exception) -> InvalidArgument:
    """Return the error for a model that ONNX Runtime cannot load, in its own words where they help."""
    told = _PREAMBLE.sub("", " ".join(str(error).split())).rstrip(".")
    if isinstance(error, faults.InvalidProtobuf | faults.NoModel) or "No graph was found" in told:
        told = "it is no ONNX model"
    if isinstance(model, bytes):
        return InvalidArgument("BUNDLE_UNUSABLE", f"A model cannot be loaded: {told}.", field="bundle")
    return fault(model.parent, f"{model.name} cannot be loaded: {told}.")


def _why_no_cuda() -> str:
    """Return why there is no usable GPU; empty when there is one on which a model ran."""
    if CUDA not in onnxruntime.get_available_providers():
        return "this onnxruntime has no CUDA provider (onnxruntime-gpu has)"
    onnxruntime.preload_dlls()  # from NVIDIA's wheels, where CUDA was installed by them
    try:
        loaded = session(_smallest_model(), Device("cuda", "cuda"))
        loaded.run(None, {"x": [1.0]})
    except InvalidArgument:
        return "there is no GPU of NVIDIA's that ONNX Runtime can use, or its CUDA libraries are missing"
    except _UNLOADABLE as error:
        return f"a model does not run on it: {' '.join(str(error).split())}"
    return ""


def _smallest_model() -> bytes:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "smallest", [x], [y])
    opsets = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
