"""A model on its device: texts come in, are decoded a token at a time, and leave. Blocking, and for one thread only."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto

from services.common.neural.devices import Device, session
from services.mt.engines.onnx import remembering, stepping
from services.mt.engines.onnx.config import Config
from services.mt.engines.onnx.memory import Memory, bind_input, bind_output
from services.mt.neural.rows import alike, padded
from services.mt.neural.weights import Array, Decoder


@dataclass(frozen=True, slots=True)
class Answers:
    """The likeliest next ids and their scores, best first, [rows, picks, k]."""

    best: Array
    scores: Array
    wanted: Array  # scores of the ids asked for, [rows, picks, ids]


@dataclass(frozen=True, slots=True)
class Asked:
    """How many ids to return, and whether their scores are log probabilities or logits."""

    k: int = 1
    scored: bool = False


class Model:
    """Decodes texts together, at places 0 to `count`, each with `beams` consecutive rows."""

    def __init__(self, encoder: Path, decoder: Decoder, config: Config, device: Device, places: int) -> None:
        self.config = config
        self.beams = beams = config.search.beams
        self.places = places
        self.count = 0
        self.device = device
        self.bytes_out = 0  # from the device, in all; on the CPU those that would cross
        self._given = 0  # bytes to the device
        shape, layers = config.shape, len(decoder.layers)
        self._kind = np.dtype(np.float16 if decoder.table.values.dtype == np.float16 else np.float32)
        width = decoder.table.values.shape[1] // shape.heads
        self._encoder = session(encoder, device)
        told = np.dtype(np.float16 if "16" in self._encoder.get_outputs()[0].type else np.float32)
        self._cross_step = loaded(remembering.cross(decoder, shape.heads, told), device)
        self._step = loaded(stepping.step(decoder, shape), device)
        self._names = {each: remembering.memories(each, layers) for each in ("own", "new", "cross")}
        self._own = Memory(2 * layers, (places * beams, shape.heads, width), self._kind, device)
        self._cross = Memory(2 * layers, (places, shape.heads, width), self._kind, device)
        self._lengths = np.zeros(places, np.int64)
        self._binding: onnxruntime.IOBinding | None = None  # of a step of all texts that are here
        self._asked = Asked()  # of that

    @property
    def bytes_in(self) -> int:
        """Bytes sent to the device so far."""
        return self._given + self._own.bytes_in + self._cross.bytes_in

    def join(self, sources: Sequence[Sequence[int]], prompts: Sequence[Sequence[int]], asked: Asked) -> Answers:
        """Encode texts and their prompts behind those that are here; return their first answers.

        Answers what may follow each; the rows of a text are alike.
        """
        first, count = self.count, len(sources)
        self._encode(sources, first)
        tokens, lengths = padded([prompt for prompt in prompts for _ in range(self.beams)], self.config.ids.pad)
        self._own.grow(tokens.shape[1] + 1, first * self.beams)
        positions = np.broadcast_to(np.arange(tokens.shape[1]), tokens.shape)
        binding = self._bound(first, count, asked)
        self._feed(binding, {"ids": tokens, "positions": positions, "pick": lengths[:, None] - 1})
        answers = self._run(binding)
        self.count, self._binding = first + count, None
        return answers

    def step(self, ids: Array, positions: Array, asked: Asked) -> Answers:
        """Decode one token more of each row, `ids` and `positions` being [rows]; return the likeliest next ids."""
        moved = self._own.grow(int(positions.max()) + 1, self.count * self.beams)
        if moved or self._binding is None or asked != self._asked:
            self._binding, self._asked = self._bound(0, self.count, asked), asked
            self._feed(self._binding, {"pick": np.zeros((len(ids), 1), np.int64)})
        self._feed(self._binding, {"ids": ids[:, None], "positions": positions[:, None]})
        return self._run(self._binding)

    def order(self, rows: Sequence[int]) -> None:
        """Reorder the rows' memory: row i continues from that of `rows[i]`, of the same text."""
        if any(row != other for row, other in enumerate(rows)):
            self._own.order(rows)
            self._binding = None

    def leave(self, place: int) -> None:
        """Remove a text; the last one takes its place."""
        last = self.count - 1
        if place != last:
            self._own.move(last * self.beams, place * self.beams, self.beams)
            self._cross.move(last, place, 1)
            self._lengths[place] = self._lengths[last]
        self.count, self._binding = last, None
        if not last:
            self.clear()

    def clear(self) -> None:
        """Remove all texts, and release their memory."""
        self.count, self._binding = 0, None
        self._own.clear()
        self._cross.clear()

    def score(self, source: Sequence[int], words: Sequence[int], picks: Sequence[int], wanted: Sequence[int]) -> Array:
        """Return the log probability of each of `wanted` behind each of `picks` in a translation, [picks, wanted].

        Takes a place for the while.
        """
        first = self.count
        self._encode([source], first)
        self._own.grow(len(words) + 1, first * self.beams)
        binding = self._bound(first, 1, Asked(1, scored=True))
        tokens = np.tile(np.array(words, np.int64), (self.beams, 1))
        positions = np.broadcast_to(np.arange(len(words)), tokens.shape)
        given = {"ids": tokens, "positions": positions, "pick": np.tile(np.array(picks, np.int64), (self.beams, 1))}
        self._feed(binding, {**given, "wanted": np.tile(np.array(wanted, np.int64), (self.beams, 1))})
        self._binding = None
        scores: Array = self._run(binding).wanted[0]
        return scores

    def encoded(self, ids: Array, lengths: Array) -> onnxruntime.OrtValue:
        """Return the encoder's hidden states of padded sources, on the device."""
        binding = self._encoder.io_binding()
        there = (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)
        self._feed(binding, {"input_ids": ids, "attention_mask": there})
        binding.bind_output("last_hidden_state", self.device.kind, self.device.number)
        self._encoder.run_with_iobinding(binding)
        (hidden,) = binding.get_outputs()
        return hidden

    def _encode(self, sources: Sequence[Sequence[int]], first: int) -> None:
        """Encode sources, and store their keys and values at places from `first` on."""
        self._cross.grow(max(map(len, sources)), first)
        for group in alike(sources) if self.device.kind == "cpu" else [sources]:  # a GPU rather has few large ones
            self._encode_together(group, first)
            first += len(group)

    def _encode_together(self, sources: Sequence[Sequence[int]], first: int) -> None:
        ids, lengths = padded(sources, self.config.ids.pad)
        hidden = self.encoded(ids, lengths)
        crossing = self._cross_step.io_binding()
        crossing.bind_ortvalue_input("hidden", hidden)
        self._feed(crossing, {"room": np.array([self._cross.room])})
        for name, view in zip(self._names["cross"], self._cross.views(first, len(sources)), strict=True):
            bind_output(crossing, name, view, self._kind, self.device)
        self._cross_step.run_with_iobinding(crossing)
        self._lengths[first : first + len(sources)] = lengths

    def _bound(self, first: int, count: int, asked: Asked) -> onnxruntime.IOBinding:
        """Bind a step of some texts: their memory, and the inputs that stay the same from step to step."""
        binding = self._step.io_binding()
        own = self._own.views(first * self.beams, count * self.beams)
        for name, new, view in zip(self._names["own"], self._names["new"], own, strict=True):
            bind_input(binding, name, view, self._kind, self.device)
            bind_output(binding, new, view, self._kind, self.device)
        for name, view in zip(self._names["cross"], self._cross.views(first, count), strict=True):
            bind_input(binding, name, view, self._kind, self.device)
        for name in ("best", "scores", "wanted_scores"):
            binding.bind_output(name, "cpu")
        same = {"lengths": self._lengths[first : first + count], "wanted": np.zeros((count * self.beams, 1), np.int64)}
        self._feed(binding, {**same, "k": np.array([asked.k]), "scored": np.array([asked.scored])})
        return binding

    def _feed(self, binding: onnxruntime.IOBinding, given: dict[str, Array]) -> None:
        """Bind arrays of the host as inputs of a graph."""
        for name, values in given.items():
            self._given += values.nbytes
            binding.bind_cpu_input(name, np.ascontiguousarray(values))

    def _run(self, binding: onnxruntime.IOBinding) -> Answers:
        self._step.run_with_iobinding(binding)
        found = [value.numpy() for value in binding.get_outputs()[len(self._names["new"]) :]]
        self.bytes_out += sum(values.nbytes for values in found)
        return Answers(*found)


def loaded(model: ModelProto, device: Device) -> onnxruntime.InferenceSession:
    """Load one of our own graphs, by way of a file, as a protobuf message cannot exceed two gigabytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        onnx.save_model(model, path, save_as_external_data=True, location="weights")
        return session(path, device)
