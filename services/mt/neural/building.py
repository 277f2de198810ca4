"""Builds ONNX graphs node by node."""

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
    """A graph under construction; values are referred to by name.

    A graph within another (the body of a loop) has names with a `prefix`, for it sees the other's.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._nodes: list[Any] = []
        self._initializers: dict[str, TensorProto] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def takes(self, name: str, kind: int, shape: Sequence[str | int]) -> str:
        """Declare an input, and return its name."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def gives(self, name: str, kind: int, shape: Sequence[str | int]) -> None:
        """Declare an output, which some node makes under this name."""
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def holds(self, values: Array, name: str = "") -> str:
        """Add a constant, and return its name."""
        name = name or f"{self._prefix}constant.{len(self._initializers)}"
        if name not in self._initializers:
            self._initializers[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def integers(self, *values: int) -> str:
        """Add a constant vector of 64-bit integers, and return its name."""
        return self.holds(np.array(values, np.int64), f"{self._prefix}integers." + ".".join(map(str, values)))

    def add(self, kind: str, *taken: str, name: str = "", **attributes: Any) -> str:
        """Add a node with one output, and return the output's name."""
        return self.split(kind, *taken, names=[name], **attributes)[0]

    def split(self, kind: str, *taken: str, names: Sequence[str], **attributes: Any) -> list[str]:
        """Add a node with several outputs, and return their names."""
        number = len(self._nodes)
        made = [name or f"{self._prefix}value.{number}.{index}" for index, name in enumerate(names)]
        self._nodes.append(helper.make_node(kind, list(taken), made, f"{self._prefix}{kind}.{number}", **attributes))
        return made

    def graph(self) -> GraphProto:
        """Return the finished graph."""
        held = [*self._initializers.values()]
        return helper.make_graph(self._nodes, f"{self._prefix}babelmesh", self._inputs, self._outputs, held)

    def model(self) -> ModelProto:
        """Return the finished graph as an ONNX model."""
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        return helper.make_model(self.graph(), opset_imports=opsets, ir_version=IR)

    def reshaped(self, value: str, *shape: int) -> str:
        """Reshape a value; 0 keeps a dimension, -1 takes what is left."""
        return self.add("Reshape", value, self.integers(*shape))

    def turned(self, value: str, *order: int) -> str:
        """Transpose a value's dimensions into another order."""
        return self.add("Transpose", value, perm=order)

    def scores(self, query: str, key: str, factor: float) -> str:
        """Add the scaled dot products of queries and keys."""
        return self.add("FusedMatMul", query, key, domain=_MICROSOFT, transB=1, alpha=factor)

    def linear(self, value: str, linear: Linear) -> str:
        """Add a linear layer over [rows, in], in floats or 8-bit integers as its weight is stored."""
        weight = linear.weight
        bias = [] if linear.bias is None else [self.holds(linear.bias)]
        if weight.scale is None:
            return self.add("Gemm", value, self.holds(weight.values), *bias)
        values, zero = _signed(weight.values), _signed(_zero(weight))  # for which processors have instructions
        given = (value, self.holds(values), self.holds(weight.scale.astype(np.float32)), self.holds(zero), *bias)
        return self.add("DynamicQuantizeMatMul", *given, domain=_MICROSOFT)

    def norm(self, value: str, norm: Norm) -> str:
        """Add a layer normalization of the last dimension."""
        weight, bias = self.holds(norm.weight), self.holds(norm.bias)
        return self.add("LayerNormalization", value, weight, bias, axis=-1, epsilon=norm.epsilon)


def joined(*linears: Linear) -> Linear:
    """Join linear layers of the same input into one. Each column keeps its own scale."""
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
    """Return unsigned integers shifted to signed ones around zero; shifting weight and zero point alike changes
    nothing.
    """
    return (values.astype(np.int16) - 128).astype(np.int8) if values.dtype == np.uint8 else values
