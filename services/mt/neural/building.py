"""Writes ONNX graphs, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper

from services.mt.neural.weights import Array, Linear, Norm, Weight

OPSET, IR = 18, 10
_MICROSOFT = "com.microsoft"  # operators of ONNX Runtime's own
TYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.float16): TensorProto.FLOAT16}


class Graph:
    """A graph in the making. Values are known by their names.

    A graph within another (the body of a loop) has names with a `prefix`, for it sees the other's.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._nodes: list[Any] = []
        self._initializers: dict[str, TensorProto] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def takes(self, name: str, kind: int, shape: Sequence[str | int]) -> str:
        """An input."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def gives(self, name: str, kind: int, shape: Sequence[str | int]) -> None:
        """An output, which some node makes under this name."""
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def holds(self, values: Array, name: str = "") -> str:
        """A constant."""
        name = name or f"{self._prefix}constant.{len(self._initializers)}"
        if name not in self._initializers:
            self._initializers[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def integers(self, *values: int) -> str:
        """A constant vector of integers."""
        return self.holds(np.array(values, np.int64), f"{self._prefix}integers." + ".".join(map(str, values)))

    def add(self, kind: str, *taken: str, name: str = "", **attributes: Any) -> str:
        """A node with one output."""
        return self.split(kind, *taken, names=[name], **attributes)[0]

    def split(self, kind: str, *taken: str, names: Sequence[str], **attributes: Any) -> list[str]:
        """A node with several outputs."""
        number = len(self._nodes)
        made = [name or f"{self._prefix}value.{number}.{index}" for index, name in enumerate(names)]
        self._nodes.append(helper.make_node(kind, list(taken), made, f"{self._prefix}{kind}.{number}", **attributes))
        return made

    def graph(self) -> GraphProto:
        """The finished graph."""
        held = [*self._initializers.values()]
        return helper.make_graph(self._nodes, f"{self._prefix}babelmesh", self._inputs, self._outputs, held)

    def model(self) -> ModelProto:
        """The finished graph as a model."""
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        return helper.make_model(self.graph(), opset_imports=opsets, ir_version=IR)

    def reshaped(self, value: str, *shape: int) -> str:
        """The value in another shape; 0 keeps a dimension, -1 is what is left."""
        return self.add("Reshape", value, self.integers(*shape))

    def turned(self, value: str, *order: int) -> str:
        """The value with its dimensions in another order."""
        return self.add("Transpose", value, perm=order)

    def scores(self, query: str, key: str, factor: float) -> str:
        """How well each query goes with each key."""
        return self.add("FusedMatMul", query, key, domain=_MICROSOFT, transB=1, alpha=factor)

    def linear(self, value: str, linear: Linear) -> str:
        """A linear layer over [rows, in]."""
        weight = linear.weight
        bias = [] if linear.bias is None else [self.holds(linear.bias)]
        if weight.scale is None:
            return self.add("Gemm", value, self.holds(weight.values), *bias)
        values, zero = _signed(weight.values), _signed(_zero(weight))  # for which processors have instructions
        given = (value, self.holds(values), self.holds(weight.scale.astype(np.float32)), self.holds(zero), *bias)
        return self.add("DynamicQuantizeMatMul", *given, domain=_MICROSOFT)

    def norm(self, value: str, norm: Norm) -> str:
        """A layer normalization of the last dimension."""
        weight, bias = self.holds(norm.weight), self.holds(norm.bias)
        return self.add("LayerNormalization", value, weight, bias, axis=-1, epsilon=norm.epsilon)


def joined(*linears: Linear) -> Linear:
    """Linear layers of the same input as one. Each column keeps its own scale."""
    steps = [linear.step for linear in linears if linear.step is not None]
    step = max(steps) if len(steps) == len(linears) else None
    weights = [linear.weight for linear in linears]
    values = np.concatenate([weight.values for weight in weights], axis=1)
    kind = np.float32 if weights[0].scale is not None else values.dtype
    none = [np.zeros(weight.values.shape[1], kind) for weight in weights]
    biases = [zeros if linear.bias is None else linear.bias for linear, zeros in zip(linears, none, strict=True)]
    bias = np.concatenate(biases).astype(kind)
    if weights[0].scale is None:
        return Linear(Weight(values), bias, step)
    scales = [np.broadcast_to(w.scale.reshape(-1), w.values.shape[1]) for w in weights if w.scale is not None]
    zeros = [np.broadcast_to(_zero(weight).reshape(-1), weight.values.shape[1]) for weight in weights]
    return Linear(Weight(values, np.concatenate(scales), np.concatenate(zeros)), bias, step)


def _zero(weight: Weight) -> Array:
    return np.zeros((), weight.values.dtype) if weight.zero is None else weight.zero


def _signed(values: Array) -> Array:
    """Integers around zero instead of around 128; a weight and its zero moved alike are the same numbers."""
    return (values.astype(np.int16) - 128).astype(np.int8) if values.dtype == np.uint8 else values
