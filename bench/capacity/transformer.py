"""A transformer encoder with random weights, as an ONNX model: where only speed is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8


@dataclass(frozen=True, slots=True)
class Shape:
    """Its size. The default is near the encoder of a streaming recognizer, on a chunk of a third of a second."""

    rows: int = 4  # of an item: frames or tokens
    layers: int = 12
    width: int = 512
    heads: int = 8
    inner: int = 2048

    def __str__(self) -> str:
        weights = self.layers * self.width * (4 * self.width + 2 * self.inner)
        size = f"{self.layers} layers, width {self.width}, feed-forward {self.inner}, {weights / 1e6:.0f} M weights"
        return f"transformer encoder, {size}, items of {self.rows} x {self.width}"


@dataclass(slots=True)
class _Graph:
    """What has been added so far."""

    shape: Shape
    nodes: list[NodeProto] = field(default_factory=list)
    weights: list[TensorProto] = field(default_factory=list)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, value: NDArray[Any]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        weight = self.random.standard_normal((inputs, outputs), np.float32) / np.sqrt(np.float32(inputs))
        return self.add("MatMul", x, self.constant(weight))

    def norm(self, x: str) -> str:
        width = self.shape.width
        scale, bias = self.constant(np.ones(width, np.float32)), self.constant(np.zeros(width, np.float32))
        return self.add("LayerNormalization", x, scale, bias)

    def split(self, x: str, order: Sequence[int]) -> str:
        """[batch, rows, width] by heads, its axes in another order."""
        shape = self.shape
        apart = self.constant(np.array([0, 0, shape.heads, shape.width // shape.heads], np.int64))
        return self.add("Transpose", self.add("Reshape", x, apart), perm=order)

    def attention(self, x: str) -> str:
        width = self.shape.width
        query, key, value = (self.linear(x, width, width) for _ in range(3))
        scores = self.add("MatMul", self.split(query, (0, 2, 1, 3)), self.split(key, (0, 2, 3, 1)))
        scale = self.constant(np.array(np.sqrt(width / self.shape.heads), np.float32))
        weights = self.add("Softmax", self.add("Div", scores, scale), axis=-1)
        mixed = self.add("MatMul", weights, self.split(value, (0, 2, 1, 3)))
        joined = self.constant(np.array([0, 0, width], np.int64))
        return self.linear(self.add("Reshape", self.add("Transpose", mixed, perm=(0, 2, 1, 3)), joined), width, width)

    def layer(self, x: str) -> str:
        shape = self.shape
        x = self.add("Add", x, self.attention(self.norm(x)))
        inner = self.add("Relu", self.linear(self.norm(x), shape.width, shape.inner))
        return self.add("Add", x, self.linear(inner, shape.inner, shape.width))


def encoder(shape: Shape) -> bytes:
    """The model: `x`, float [batch, rows, width], to `y` of the same shape."""
    graph = _Graph(shape)
    last = "x"
    for _ in range(shape.layers):
        last = graph.layer(last)
    graph.nodes.append(helper.make_node("Identity", [graph.norm(last)], ["y"]))
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", shape.rows, shape.width]) for name in "xy")
    made = helper.make_graph(graph.nodes, "encoder", [x], [y], graph.weights)
    opsets = [helper.make_opsetid("", OPSET)]
    return bytes(helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString())
