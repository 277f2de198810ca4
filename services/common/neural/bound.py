"""A model's inputs and outputs, kept on its device between runs. What crosses between host and device is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime import OrtValue

from services.common.neural.devices import Device


class Bound:
    """Inputs and outputs of a session, by name. One thread at a time.

    Inputs stay bound from run to run until they are given anew. An output stays on the device, and can be an input of
    the next run there (`keep(name, bound.value(other))`), unless it is fetched. On the CPU nothing crosses, and the
    bytes are those that would.
    """

    def __init__(self, session: onnxruntime.InferenceSession, device: Device) -> None:
        self.bytes_in = 0  # host to device, in all
        self.bytes_out = 0  # device to host, in all
        self._session = session
        self._device = device
        self._binding = session.io_binding()
        self._outputs: dict[str, OrtValue | None] = {}  # None: the runtime makes room; in the order they were bound

    def put(self, name: str, array: NDArray[Any]) -> OrtValue:
        """Copy an input to the device, and return it there. On the CPU the array itself is used until the next run."""
        self.bytes_in += array.nbytes
        contiguous = np.ascontiguousarray(array)
        value = OrtValue.ortvalue_from_numpy(contiguous, self._device.kind, self._device.number)
        self._binding.bind_ortvalue_input(name, value)
        return value

    def keep(self, name: str, value: OrtValue) -> None:
        """Use a value on the device as an input. Raises ValueError for one elsewhere, as its transfer would go
        uncounted.
        """
        if value.device_name() != self._device.kind:
            raise ValueError(f"{name} is on {value.device_name()}, not {self._device.kind}: put it there")
        self._binding.bind_ortvalue_input(name, value)

    def out(self, *names: str) -> None:
        """Request outputs, on the device. Each run allocates them anew: those of an earlier run stay as they were."""
        for name in names:
            self._outputs[name] = None

    def into(self, name: str, value: OrtValue) -> None:
        """Request an output in an existing buffer of its shape on the device: for fixed shapes, or a CUDA graph."""
        self._outputs[name] = value

    def run(self, options: onnxruntime.RunOptions | None = None) -> None:
        """Run the model. Blocking. Raises ONNX Runtime's own errors."""
        # Each time: the binding holds the last run's values, and would write over them.
        for name, place in self._outputs.items():
            if place is None:
                self._binding.bind_output(name, self._device.kind, self._device.number)
            else:
                self._binding.bind_ortvalue_output(name, place)
        self._session.run_with_iobinding(self._binding, options)

    def value(self, name: str) -> OrtValue:
        """Return an output of the last run, on the device."""
        return self._binding.get_outputs()[list(self._outputs).index(name)]

    def fetch(self, name: str) -> NDArray[Any]:
        """Return an output of the last run, copied to the host."""
        array: NDArray[Any] = self.value(name).numpy()
        self.bytes_out += array.nbytes
        return array
