"""What ONNX Runtime computes on: chosen by setting, and told. Never another one in silence."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import onnxruntime

from services.common.errors import InvalidArgument
from services.common.neural import Asked

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Device:
    """A device, as sessions are made for it."""

    kind: Literal["cpu", "cuda"]
    name: str  # as it is told: "cpu", or "cuda: NVIDIA H100"
    threads: int = 1  # of one call, on the CPU; measured best on few cores
    number: int = 0  # of the GPU
    options: dict[str, Any] = field(default_factory=dict)  # of the CUDA provider, for one kind of model

    @property
    def providers(self) -> Sequence[tuple[str, dict[str, Any]]]:
        """For ONNX Runtime. A GPU that lacks an operator leaves it to the CPU provider, which it says in its log."""
        cpu: tuple[str, dict[str, Any]] = ("CPUExecutionProvider", {})
        if self.kind == "cpu":
            return [cpu]
        return [("CUDAExecutionProvider", {"device_id": self.number, **self.options}), cpu]


def chosen(asked: Asked, threads: int = 1, **cuda_options: Any) -> Device:
    """The device for a setting: `auto` is a GPU where there is one.

    Raises InvalidArgument when `cuda` was asked for and cannot be had.
    """
    reason = _why_no_cuda() if asked != "cpu" else "the setting says so"
    if asked == "cuda" and reason:
        raise InvalidArgument("DEVICE_MISSING", f"CUDA was asked for, but {reason}.", "device", ("auto", "cpu", "cuda"))
    device = Device("cpu", "cpu", threads) if reason else Device("cuda", f"cuda: {_gpu_name()}", options=cuda_options)
    log.info("device chosen", extra={"fields": {"device": device.name, "reason": reason}})
    return device


def session(model: Path | bytes, device: Device) -> onnxruntime.InferenceSession:
    """A model, ready to run on the device. Raises onnxruntime's errors for a file that is no model.

    Raises InvalidArgument when a GPU was chosen and ONNX Runtime has left it for the CPU.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = device.threads
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    loaded = onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model), options, providers=device.providers
    )
    if device.kind == "cuda" and "CUDAExecutionProvider" not in loaded.get_providers():
        raise InvalidArgument("DEVICE_MISSING", "CUDA was chosen, but ONNX Runtime could not load it.", "device")
    return loaded


def _why_no_cuda() -> str:
    """Why there is no GPU to use; empty when there is one."""
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "this onnxruntime has no CUDA provider (onnxruntime-gpu has)"
    return "" if _gpu_name() else "no GPU of NVIDIA's is visible"


def _gpu_name() -> str:
    """Of the first GPU, as its driver tells; empty without one."""
    cards = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    for line in cards[0].read_text().splitlines() if cards else ():
        name, _, value = line.partition(":")
        if name == "Model":
            return value.strip()
    return ""
