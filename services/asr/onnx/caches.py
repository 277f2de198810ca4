"""What the encoder remembers of all open segments, on the device, one row each.

A batch's rows are gathered into the encoder's inputs, and what comes out is written back to their places, by two small
graphs that run on the same device: no cache ever crosses to the host, and Python copies nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from services.asr.onnx.layout import Shape
from services.common import devices
from services.common.devices import Device
from services.common.errors import AtCapacity

FRESH = 0  # the row that stays as a segment begins: zero
_OPSET = 17
_IR_VERSION = 9  # as old as the opset, so that any runtime reads it


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the encoder's caches: a session's shape, and the numbers in it."""

    shape: Shape
    dtype: np.dtype[Any]


class Rows:
    """Which rows are whose. One event loop only."""

    def __init__(self, count: int) -> None:
        self._free = list(range(count, FRESH, -1))

    def take(self) -> int:
        """A row for a segment. Raises AtCapacity when all are taken."""
        if not self._free:
            raise AtCapacity("ASR_CACHES_TAKEN", "All caches are in use.", retry_after_ms=1000, stage="ASR")
        return self._free.pop()

    def give_back(self, row: int) -> None:
        """Ends a row's use. A step that is still on the device writes to it before its next owner's first does."""
        self._free.append(row)


class Caches:
    """The rows' contents. For one thread."""

    def __init__(self, kinds: Sequence[Kind], rows: int, device: Device) -> None:
        self._device = device
        self._pools = [
            onnxruntime.OrtValue.ortvalue_from_numpy(
                np.zeros((rows + 1, *kind.shape), kind.dtype), device.kind, device.number
            )
            for kind in kinds
        ]
        self._gather = devices.session(_gathering(tuple(kinds)), device)
        self._scatter = devices.session(_scattering(tuple(kinds)), device)

    def gathered(self, rows: Sequence[int]) -> list[Any]:
        """A batch of each cache, OrtValues on the device. FRESH stands for a segment that begins."""
        binding = self._bound(self._gather, np.array(rows, np.int64))
        for number in range(len(self._pools)):
            binding.bind_output(f"batch_{number}", self._device.kind, self._device.number)
        self._gather.run_with_iobinding(binding)
        outputs: list[Any] = binding.get_outputs()
        return outputs

    def write(self, rows: Sequence[int], batches: Sequence[Any]) -> None:
        """Puts a batch of each cache, OrtValues on the device, to its rows, in place."""
        binding = self._bound(self._scatter, np.array(rows, np.int64)[:, None])
        for number, (pool, batch) in enumerate(zip(self._pools, batches, strict=True)):
            binding.bind_ortvalue_input(f"batch_{number}", batch)
            binding.bind_ortvalue_output(f"written_{number}", pool)  # the input itself, so only the rows are copied
        self._scatter.run_with_iobinding(binding)

    def _bound(self, session: onnxruntime.InferenceSession, rows: np.ndarray[Any, Any]) -> onnxruntime.IOBinding:
        binding = session.io_binding()
        binding.bind_cpu_input("rows", rows)
        for number, pool in enumerate(self._pools):
            binding.bind_ortvalue_input(f"pool_{number}", pool)
        return binding


@cache
def _gathering(kinds: tuple[Kind, ...]) -> bytes:
    nodes = [helper.make_node("Gather", [f"pool_{i}", "rows"], [f"batch_{i}"], axis=0) for i in range(len(kinds))]
    inputs = [_tensor("rows", np.dtype(np.int64), ("batch",)), *_of_each("pool", "rows_there", kinds)]
    return _model(nodes, inputs, _of_each("batch", "batch", kinds))


@cache
def _scattering(kinds: tuple[Kind, ...]) -> bytes:
    nodes = [
        helper.make_node("ScatterND", [f"pool_{i}", "rows", f"batch_{i}"], [f"written_{i}"]) for i in range(len(kinds))
    ]
    inputs = [
        _tensor("rows", np.dtype(np.int64), ("batch", 1)),
        *_of_each("pool", "rows_there", kinds),
        *_of_each("batch", "batch", kinds),
    ]
    return _model(nodes, inputs, _of_each("written", "rows_there", kinds))


def _of_each(name: str, first: str, kinds: Sequence[Kind]) -> list[onnx.ValueInfoProto]:
    return [_tensor(f"{name}_{i}", kind.dtype, (first, *kind.shape)) for i, kind in enumerate(kinds)]


def _tensor(name: str, dtype: np.dtype[Any], shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)


def _model(
    nodes: Sequence[onnx.NodeProto], inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
) -> bytes:
    graph = helper.make_graph(nodes, "rows", inputs, outputs)
    opset = [helper.make_opsetid("", _OPSET)]
    return helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION).SerializeToString()
