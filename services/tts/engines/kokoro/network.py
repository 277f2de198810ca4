"""Kokoro's network on ONNX Runtime: in two parts, text to frames and frames to samples, or whole.

A frame is 600 samples, a 40th of a second. Between the parts stand, for each frame, what is said (512 numbers), and for
each half of one its pitch and its energy. Both parts read the voice's style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.utils import Extractor
from onnxruntime import InferenceSession

from services.common.neural import devices
from services.common.neural.bundles import Bundle, fault
from services.common.neural.devices import Device
from services.tts.neural.running import Floats, run

SAMPLE_RATE_HERTZ = 24_000
HOP = 600  # samples of a frame
STYLE = 256

INPUTS = ("tokens", "style", "speed")
CONTENT = "/encoder/MatMul_1_output_0"  # [1, 512, F]
PITCH, ENERGY = "/encoder/Reshape_output_0", "/encoder/Reshape_1_output_0"  # [1, 2 F]
DURATIONS = "/encoder/Clip_output_0"  # frames of each token, in all F

_CUTS = (CONTENT, PITCH, ENERGY)
Style: TypeAlias = Floats  # [256]


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    """A sentence to synthesize: symbol ids, the voice's style, and speed."""

    ids: Sequence[int]  # 1 to 510, without the pads
    style: Style
    speed: float = 1.0  # of speech, relative to the voice's own


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """The decoder's input for a sentence or a window of it: content, pitch, energy and style."""

    content: Floats  # [512, F]
    pitch: Floats  # [2 F]
    energy: Floats  # [2 F]
    style: Style
    pads: tuple[int, int] = (0, 0)  # frames of the silence before and behind

    @property
    def count(self) -> int:
        """Number of frames, each of 600 samples."""
        return int(self.content.shape[1])

    def cut(self, start: int, stop: int) -> Frames:
        """Return the frames from `start` to `stop`, exclusive."""
        halves = slice(2 * start, 2 * stop)
        return Frames(self.content[:, start:stop], self.pitch[halves], self.energy[halves], self.style)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A Kokoro network in two parts. Methods are blocking; each may be called from a thread of its own."""

    text: InferenceSession
    decoder: InferenceSession

    def frames(self, sentences: Sequence[Sentence]) -> list[Frames]:
        """Encode sentences to frames, one after the other: the network cannot batch them."""
        return [self._frames(each) for each in sentences]

    def samples(self, windows: Sequence[Frames]) -> list[Floats]:
        """Decode windows to `HOP` samples per frame, one window after the other."""
        return [self._samples(each) for each in windows]

    def _frames(self, sentence: Sentence) -> Frames:
        content, pitch, energy, durations = run(self.text, [*_CUTS, DURATIONS], fed(sentence))
        before, *_, behind = np.ravel(durations).astype(int).tolist()
        return Frames(content[0], np.ravel(pitch), np.ravel(energy), sentence.style, (before, behind))

    def _samples(self, window: Frames) -> Floats:
        between = {CONTENT: window.content[None], PITCH: window.pitch[None], ENERGY: window.energy[None]}
        return np.ravel(run(self.decoder, None, between | {"style": window.style[None]})[0])


def fed(sentence: Sentence) -> dict[str, NDArray[Any]]:
    """Return a sentence's inputs to the first part of the network, or to the whole."""
    return {
        "tokens": np.array([[0, *sentence.ids, 0]], dtype=np.int64),
        "style": sentence.style[None],
        "speed": np.array([sentence.speed], dtype=np.float32),
    }


def loaded(bundle: Bundle, device: Device) -> Network:
    """Load a bundle's network and split it. Raises InvalidArgument for a file that is no such network."""
    path = bundle.file("model.onnx")
    try:
        model = onnx.load(path)
    except (DecodeError, OSError) as error:
        raise fault(bundle.folder, f"{path.name} cannot be read.") from error
    made = {name for node in model.graph.node for name in node.output}
    inputs = {each.name for each in model.graph.input}
    if lacking := [*(set(INPUTS) - inputs), *({*_CUTS, DURATIONS} - made)]:
        raise fault(bundle.folder, f"{path.name} has no {', '.join(sorted(lacking))}, which Kokoro's graph has.")
    output = model.graph.output[0].name
    text = _part(model, INPUTS, (*_CUTS, DURATIONS))
    decoder = _part(model, (*_CUTS, "style"), (output,))
    del model
    return Network(devices.session(text, device), devices.session(decoder, device))


def styles(bundle: Bundle) -> Mapping[str, Floats]:
    """Read the styles, [510, 256], of a bundle's voices, by name. Raises InvalidArgument for other files."""
    names = [Path(name) for name in bundle.manifest.files if name.startswith("voices/")]
    return {path.stem: _styles(bundle, path) for path in names if path.suffix == ".bin"}


def _styles(bundle: Bundle, path: Path) -> Floats:
    rows = np.fromfile(bundle.folder / path, dtype="<f4")
    if not rows.size or rows.size % STYLE:
        raise fault(bundle.folder, f"{path} is no voice of Kokoro: it holds no rows of {STYLE} numbers.")
    return rows.reshape(-1, STYLE)


def _part(model: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Extract the part of a model between inputs and outputs, serialized."""
    graph = model.graph
    known = {each.name for each in (*graph.value_info, *graph.input, *graph.output)}
    for name in {*inputs, *outputs} - known:
        graph.value_info.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return bytes(Extractor(model).extract_model(list(inputs), list(outputs)).SerializeToString())
