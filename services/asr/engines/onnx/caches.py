"""The encoder's caches of all open segments, on the device, one row each.

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
from onnx import helper
from onnxruntime import OrtValue

from services.asr.engines.onnx.layout import Shape
from services.common.errors import AtCapacity
from services.common.neural import devices
from services.common.neural.bound import Bound
from services.common.neural.devices import Device

FRESH = 0  # the row that stays as a segment begins: zero
_OPSET = 17
_IR_VERSION = 9  # as old as the opset, so that any runtime reads it


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the encoder's caches: its shape per session, and its element type."""

    shape: Shape
    dtype: np.dtype[Any]


class Rows:
    """Hands out rows of the caches to segments. Used on one event loop only."""

    def __init__(self, count: int) -> None:
        self._free = list(range(count, FRESH, -1))

    def take(self) -> int:
        """Reserve a row for a segment. Raises AtCapacity when all are taken."""
        if not self._free:
            raise AtCapacity("ASR_CACHES_TAKEN", "All caches are in use.", retry_after_ms=1000, stage="ASR")
        return self._free.pop()

    def give_back(self, row: int) -> None:
        """Release a row. A step still on the device writes to it before its next owner's first step does."""
        self._free.append(row)


class Caches:
    """The contents of all rows, on the device. Used by one thread only."""

    def __init__(self, kinds: Sequence[Kind], rows: int, device: Device) -> None:
        self._pools = [
            OrtValue.ortvalue_from_numpy(np.zeros((rows + 1, *kind.shape), kind.dtype), device.kind, device.number)
            for kind in kinds
        ]
        self._gather = Bound(devices.session(_gathering(tuple(kinds)), device), device)
        self._scatter = Bound(devices.session(_scattering(tuple(kinds)), device), device)
        for number, pool in enumerate(self._pools):
            self._gather.keep(f"pool_{number}", pool)
            self._gather.out(f"batch_{number}")
            self._scatter.keep(f"pool_{number}", pool)
            self._scatter.into(f"written_{number}", pool)  # the input itself, so only the rows are copied

    def gathered(self, rows: Sequence[int]) -> list[OrtValue]:
        """Return a batch of each cache, on the device; the row FRESH stands for a segment that begins."""
        self._gather.put("rows", np.array(rows, np.int64))
        self._gather.run()
        return [self._gather.value(f"batch_{number}") for number in range(len(self._pools))]

    def write(self, rows: Sequence[int], batches: Sequence[OrtValue]) -> None:
        """Write a batch of each cache, on the device, back to its rows in place."""
        self._scatter.put("rows", np.array(rows, np.int64)[:, None])
        for number, batch in enumerate(batches):
            self._scatter.keep(f"batch_{number}", batch)
        self._scatter.run()


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
