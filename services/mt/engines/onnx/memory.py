"""The rows' cached keys and values, on the device. One thread only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime

from services.common.neural.devices import Device, session
from services.mt.engines.onnx.remembering import copies, zeros
from services.mt.neural.weights import Array

_BLOCK = 32  # tokens that room grows by
Kind = np.dtype[np.generic]


@dataclass(frozen=True, slots=True)
class View:
    """A part of a memory: some consecutive places of one tensor."""

    address: int
    shape: tuple[int, int, int, int]


class Memory:
    """Cache tensors, each [places, heads, room, width]; places are taken from the first on."""

    def __init__(self, count: int, shape: tuple[int, int, int], kind: Kind, device: Device) -> None:
        self.room = 0
        self.bytes_in = 0  # to the device, in all: numbers of rows, and sizes
        self._places, self._heads, self._width = shape
        self._kind = kind
        self._device = device
        self._ordering = session(copies(count, kind, grown=False).SerializeToString(), device)
        self._growing = session(copies(count, kind, grown=True).SerializeToString(), device)
        self._clearing = session(zeros(kind).SerializeToString(), device)
        self._count = count
        self._tensors: list[onnxruntime.OrtValue] = []
        self._spare: list[onnxruntime.OrtValue] = []

    def clear(self) -> None:
        """Release all tensors."""
        self._tensors, self._spare, self.room = [], [], 0

    def grow(self, room: int, used: int) -> bool:
        """Make room for so many tokens, keeping the first `used` places; return whether tensors have moved."""
        if room <= self.room:
            return False
        room = -(-room // _BLOCK) * _BLOCK
        old, missing, self.room = self._views(self._tensors, 0, used), room - self.room, room
        kept, self._spare = self._tensors, []
        self._tensors = self._zeros()
        if used:
            self._copy(self._growing, old, self._views(self._tensors, 0, used), range(used), missing)
        del kept  # until it was copied
        return True

    def views(self, first: int, count: int) -> list[View]:
        """Return each tensor's part of `count` places from `first` on."""
        return self._views(self._tensors, first, count)

    def move(self, source: int, target: int, count: int) -> None:
        """Copy the content of `count` places to other places."""
        rows = range(source, source + count)
        self._copy(self._ordering, self._views(self._tensors, 0, source + count), self.views(target, count), rows)

    def order(self, rows: Sequence[int]) -> None:
        """Reorder the first places: place i gets the content of `rows[i]`."""
        if not self._spare:
            self._spare = self._zeros()
        count = len(rows)
        self._copy(self._ordering, self.views(0, count), self._views(self._spare, 0, count), rows)
        self._tensors, self._spare = self._spare, self._tensors

    def _zeros(self) -> list[onnxruntime.OrtValue]:
        """Return tensors of zeros: masked values must be numbers, as NaN would spoil the attention."""
        shape = (self._places, self._heads, self.room, self._width)
        make, device = onnxruntime.OrtValue.ortvalue_from_shape_and_type, self._device
        made = [make(shape, self._kind.type, device.kind, device.number) for _ in range(self._count)]
        for one in made:
            binding = self._clearing.io_binding()
            self._told(binding, "shape", np.array(shape))
            binding.bind_ortvalue_output("zeros", one)
            self._clearing.run_with_iobinding(binding)
        return made

    def _views(self, tensors: Iterable[onnxruntime.OrtValue], first: int, count: int) -> list[View]:
        shape = (count, self._heads, self.room, self._width)
        offset = first * self._heads * self.room * self._width * self._kind.itemsize
        return [View(tensor.data_ptr() + offset, shape) for tensor in tensors]

    def _copy(
        self,
        by: onnxruntime.InferenceSession,
        old: Sequence[View],
        new: Sequence[View],
        rows: Iterable[int],
        more: int = 0,
    ) -> None:
        binding = by.io_binding()
        self._told(binding, "rows", np.fromiter(rows, np.int64))
        if by is self._growing:
            self._told(binding, "more", np.array([more]))
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            bind_input(binding, f"in.{number}", one, self._kind, self._device)
            bind_output(binding, f"out.{number}", other, self._kind, self._device)
        by.run_with_iobinding(binding)

    def _told(self, binding: onnxruntime.IOBinding, name: str, numbers: Array) -> None:
        self.bytes_in += numbers.nbytes
        binding.bind_cpu_input(name, numbers)


def bind_input(binding: onnxruntime.IOBinding, name: str, view: View, kind: Kind, device: Device) -> None:
    """Bind a part of a memory as an input of a graph."""
    binding.bind_input(name, device.kind, device.number, kind, view.shape, view.address)


def bind_output(binding: onnxruntime.IOBinding, name: str, view: View, kind: Kind, device: Device) -> None:
    """Bind a part of a memory as an output of a graph."""
    binding.bind_output(name, device.kind, device.number, kind, view.shape, view.address)
