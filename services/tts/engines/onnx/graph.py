"""Reads the graph of a VITS voice by its structure, for exporters give its parts different names.

Any export of it rounds the durations up (the only Ceil), draws the prior's noise behind that, and makes samples by
transposed convolutions from a latent, frame by frame (arXiv 2106.06103).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import onnx
from onnx import TensorProto, helper
from onnx.utils import Extractor

STRETCH = "babelmesh_stretch"  # [B, 1, 1], of the durations
LATENT_NOISE, DURATION_NOISE = "babelmesh_noise", "babelmesh_noise_w"  # factors of what the graph has, []
_RANDOM = ("RandomNormalLike", "RandomNormal")
# What changes each place of a sequence for itself, so that a part of it can be computed alone.
_PLACEWISE = {"Add", "Sub", "Mul", "Div", "LeakyRelu", "Relu", "Tanh", "Sigmoid", "Sin", "Pow", "Neg", "Exp", "Cast"}


class NotSplit(Exception):
    """Raised for a graph without the parts of a VITS voice, or with unknown operators in them; the message says
    which.
    """


@dataclass(frozen=True, slots=True)
class Decoder:
    """The decoder's place in a graph: latent input, other inputs, frames of context, and samples per frame."""

    latent: str  # [B, C, F]
    conditions: tuple[str, ...]  # what else it reads, the same for all frames: [B, ...]
    reach: int  # frames on either side that a frame's samples depend on, at most
    hop: int  # samples of a frame


class Graph:
    """A model's graph, with the producer and consumers of each tensor. Changed in place."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self._index()

    def _index(self) -> None:
        nodes = self.model.graph.node
        self._maker = {name: node for node in nodes for name in node.output if name}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in nodes:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the graph's inputs, weights left out."""
        weights = {weight.name for weight in self.model.graph.initializer}
        return tuple(each.name for each in self.model.graph.input if each.name not in weights)

    @property
    def output(self) -> str:
        """Name of the graph's first output, the samples."""
        return str(self.model.graph.output[0].name)

    def durations(self) -> str:
        """Return the name of the durations, frames per symbol [B, 1, T]. Raises NotSplit."""
        ceils = [node for node in self.model.graph.node if node.op_type == "Ceil"]
        if len(ceils) != 1:
            raise NotSplit(f"{len(ceils)} operators round durations up, not one")
        return str(ceils[0].output[0])

    def batched(self, names: Collection[str]) -> None:
        """Free the first dimension of inputs: Piper's exports fix it to 1 for speakers, but compute any number."""
        for each in self.model.graph.input:
            if each.name in names and each.type.tensor_type.shape.dim:
                each.type.tensor_type.shape.dim[0].dim_param = "batch"

    def stretched(self) -> None:
        """Add an input by which each item's durations are multiplied before rounding. Raises NotSplit."""
        rounded = self._maker[self.durations()]
        plain, scaled = rounded.input[0], f"{rounded.input[0]}_stretched"
        rounded.input[0] = scaled
        self._inserted(helper.make_node("Mul", [plain, STRETCH], [scaled], scaled), STRETCH, (None, 1, 1))

    def with_noises(self) -> None:
        """Add inputs by which the graph's two noises are multiplied. Raises NotSplit."""
        before = self._before(self.durations())
        drawn = [node.output[0] for node in self.model.graph.node if node.op_type in _RANDOM]
        for noise in drawn:
            name = DURATION_NOISE if noise in before else LATENT_NOISE
            node = self._maker[noise]
            node.output[0] = f"{noise}_drawn"
            self._inserted(helper.make_node("Mul", [node.output[0], name], [noise], f"{noise}_scaled"), name, ())

    def decoder(self) -> Decoder:
        """Find the decoder, which makes the samples. Raises NotSplit."""
        after = self._after(self.durations())
        pre = self._first_convolution(after)
        moving = self._after(pre.input[0]) & self._before(self.output)
        constant = self._constant()
        inner = [node for node in self.model.graph.node if node.output and node.output[0] in moving]
        crossing = {name for node in inner for name in node.input if name} - moving - constant - {pre.input[0]}
        reach, hop = _reach(inner, pre.input[0], self.output, {w.name: w for w in self.model.graph.initializer})
        return Decoder(pre.input[0], tuple(sorted(crossing)), reach, hop)

    def part(self, inputs: Iterable[str], outputs: Iterable[str]) -> bytes:
        """Extract the part of the model between inputs and outputs, serialized."""
        names = [*inputs, *outputs]
        known = {
            each.name for each in (*self.model.graph.value_info, *self.model.graph.input, *self.model.graph.output)
        }
        for name in names:
            if name not in known:
                self.model.graph.value_info.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
        given = set(inputs)
        return bytes(Extractor(self.model).extract_model(sorted(given), list(outputs)).SerializeToString())

    def _first_convolution(self, after: Collection[str]) -> onnx.NodeProto:
        """Return the convolution that reads the latent: before the first transposed one, over frames."""
        makers = [self._maker[name] for name in self._before(self.output) if name in self._maker]
        ups = [node for node in makers if node.op_type == "ConvTranspose"]
        firsts = [node for node in ups if not any(up.output[0] in self._before(node.input[0]) for up in ups)]
        if len(firsts) != 1:
            raise NotSplit(f"{len(firsts)} transposed convolutions come first, not one")
        waiting = [firsts[0].input[0]]
        found = []
        while waiting:
            node = self._maker.get(waiting.pop())
            if node is None or node.output[0] not in after:
                continue
            if node.op_type == "Conv":
                found.append(node)
            elif node.op_type in _PLACEWISE:
                waiting += node.input
            else:
                raise NotSplit(f"{node.op_type} stands where the decoder begins")
        if len(found) != 1:
            raise NotSplit(f"{len(found)} convolutions read the latent, not one")
        return found[0]

    def _inserted(self, made: onnx.NodeProto, name: str, shape: tuple[int | None, ...]) -> None:
        graph = self.model.graph
        nodes = list(graph.node)
        places = [number for number, node in enumerate(nodes) if set(node.output) & set(made.input)]
        nodes.insert(max(places) + 1, made)
        del graph.node[:]
        graph.node.extend(nodes)
        if name not in self.inputs:
            graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self._index()

    def _before(self, name: str) -> set[str]:
        """Return the names of a tensor and all tensors that it depends on."""
        found, waiting = set(), [name]
        while waiting:
            tensor = waiting.pop()
            if tensor and tensor not in found:
                found.add(tensor)
                waiting += self._maker[tensor].input if tensor in self._maker else ()
        return found

    def _after(self, name: str) -> set[str]:
        """Return the names of all tensors that depend on a tensor."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            for node in self._readers.get(waiting.pop(), ()):
                fresh = set(node.output) - found
                found |= fresh
                waiting += fresh
        return found

    def _constant(self) -> set[str]:
        """Return the names of weights, and of tensors computed from weights alone."""
        found = {weight.name for weight in self.model.graph.initializer}
        for node in self.model.graph.node:
            if node.op_type not in _RANDOM and all(name in found for name in node.input if name):
                found |= set(node.output)
        return found


def _reach(
    inner: Iterable[onnx.NodeProto], latent: str, output: str, weights: dict[str, TensorProto]
) -> tuple[int, int]:
    """Return how many frames samples depend on to either side, never too few, and how many samples a frame makes."""
    reach: dict[str, float] = {latent: 0.0}
    rate: dict[str, int] = {latent: 1}
    for node in inner:
        moving = [name for name in node.input if name in reach]
        widest, fastest = max(reach[name] for name in moving), max(rate[name] for name in moving)
        if node.op_type in ("Conv", "ConvTranspose"):
            own, times = _of_convolution(node, weights)
            widest += own / fastest
            fastest *= times
        elif node.op_type not in (*_PLACEWISE, "Squeeze", "Unsqueeze"):
            raise NotSplit(f"{node.op_type} is an operator of the decoder")
        for name in node.output:
            reach[name], rate[name] = widest, fastest
    return int(reach[output]) + 1, rate[output]


def _of_convolution(node: onnx.NodeProto, weights: dict[str, TensorProto]) -> tuple[float, int]:
    """Return how far a convolution reads to either side of a place, at most, and how many places it makes of one."""
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    kernel = _only(attributes.get("kernel_shape") or weights[node.input[1]].dims[2:])
    stride = _only(attributes.get("strides") or [1])
    span = (kernel - 1) * _only(attributes.get("dilations") or [1])
    before = next(iter(attributes.get("pads") or [0]))
    widest = max(before, span - before)
    if node.op_type == "ConvTranspose":
        return widest / stride + 1, stride
    if stride != 1:
        raise NotSplit("a convolution of the decoder has strides")
    return float(widest), 1


def _only(values: Iterable[int]) -> int:
    first, *others = values
    if others:
        raise NotSplit("a convolution of the decoder is of more than one dimension")
    return first
