"""The streaming encoder: windows of features in, frames out, its caches on the device from step to step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime import OrtValue

from services.asr.engines.onnx.caches import FRESH, Caches, Kind
from services.asr.engines.onnx.features import Array
from services.asr.engines.onnx.layout import Layout
from services.common.neural.bound import Bound
from services.common.neural.bundles import fault
from services.common.neural.devices import Device

_NUMBERS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}
_INPUTS = 5  # audio, its length, and the caches: channel, time, and how many frames of the channel's are filled
_OUTPUTS = 5  # frames, how many, and the caches


@dataclass(frozen=True, slots=True)
class Place:
    """The caches of a segment's step: its row, and whether earlier steps have filled it."""

    row: int
    fresh: bool


class Encoder:
    """A streaming NeMo encoder on ONNX Runtime. Used by one thread only.

    Inputs and outputs are known by their order, as in sherpa-onnx; exporters name them differently.
    """

    def __init__(self, session: onnxruntime.InferenceSession, layout: Layout, rows: int, device: Device) -> None:
        self._run = Bound(session, device)
        self._window_frames = layout.window_frames
        inputs, outputs = session.get_inputs(), session.get_outputs()
        self._inputs = [each.name for each in inputs]
        self._outputs = [each.name for each in outputs]
        self._run.out(*self._outputs)
        self.bins = int(inputs[0].shape[1])
        self._dtype = _NUMBERS[inputs[0].type]
        shapes = (layout.channel_shape, layout.time_shape, ())
        dtypes = [np.dtype(_NUMBERS[each.type]) for each in inputs[2:]]
        self._caches = Caches([Kind(*kind) for kind in zip(shapes, dtypes, strict=True)], rows, device)

    def run(self, windows: Sequence[Array], places: Sequence[Place]) -> tuple[Array, list[OrtValue]]:
        """Encode windows [frames, bins] to frames [batch, width, frames]; also return the caches to pass to
        `remember`.
        """
        audio = np.ascontiguousarray(np.stack(windows).transpose(0, 2, 1), self._dtype)
        self._run.put(self._inputs[0], audio)
        self._run.put(self._inputs[1], np.full(len(windows), self._window_frames, np.int64))
        caches = self._caches.gathered([FRESH if place.fresh else place.row for place in places])
        for name, batch in zip(self._inputs[2:], caches, strict=True):
            self._run.keep(name, batch)
        self._run.run()
        frames = np.asarray(self._run.fetch(self._outputs[0]), np.float32)
        return frames, [self._run.value(name) for name in self._outputs[2:]]

    def remember(self, places: Sequence[Place], remembered: Sequence[OrtValue]) -> None:
        """Store the caches that `run` returned, for the next steps of the same segments."""
        self._caches.write([place.row for place in places], remembered)


def checked(session: onnxruntime.InferenceSession, folder: Path) -> onnxruntime.InferenceSession:
    """Return the session if its graph is a streaming encoder. Raises InvalidArgument otherwise."""
    inputs, outputs = len(session.get_inputs()), len(session.get_outputs())
    if (inputs, outputs) != (_INPUTS, _OUTPUTS):
        expected = f"{_INPUTS} inputs and {_OUTPUTS} outputs (audio, length, three caches)"
        raise fault(folder, f"Its encoder has {inputs} inputs and {outputs} outputs, not {expected}.")
    unknown = [each.type for each in session.get_inputs() if each.type not in _NUMBERS]
    if unknown:
        raise fault(folder, f"Its encoder takes {unknown[0]}; known are {', '.join(_NUMBERS)}.")
    return session
