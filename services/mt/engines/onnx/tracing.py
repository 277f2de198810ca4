"""Walks the graph of an exported decoder along its values. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, numpy_helper

from services.mt.neural.weights import Array, Weight

_SHAPES = ("Shape", "Size", "ConstantOfShape", "Range")  # what comes from the form of a value, not from itself


class Unrecognized(Exception):
    """Raised where a graph is not built as the known exporters build a decoder."""


def first_pass(model: ModelProto) -> tuple[Sequence[NodeProto], Sequence[GraphProto]]:
    """Return the nodes that compute without a cache, and their graphs: all, or a branch of a merged decoder."""
    branches = [node for node in model.graph.node if node.op_type == "If"]
    if not any(value.name == "use_cache_branch" for value in model.graph.input):
        return model.graph.node, (model.graph,)
    merged = [node for node in branches if "use_cache_branch" in node.input]
    if len(merged) != 1:
        raise Unrecognized("it has `use_cache_branch`, but no branch on it")
    (branch,) = [attribute.g for attribute in merged[0].attribute if attribute.name == "else_branch"]
    return [*(node for node in model.graph.node if node.op_type != "If"), *branch.node], (model.graph, branch)


class Trace:
    """Finds the producers and consumers of each value in a graph."""

    def __init__(self, model: ModelProto) -> None:
        self.nodes, graphs = first_pass(model)
        self._initializers = {each.name: each for graph in graphs for each in graph.initializer}
        self._makers = {name: node for node in self.nodes for name in node.output}
        self._takers: dict[str, list[NodeProto]] = {}
        self._constants: dict[str, Weight | None] = {}
        for node in self.nodes:
            for name in node.input:
                self._takers.setdefault(name, []).append(node)

    def maker(self, name: str) -> NodeProto | None:
        """Return the node that computes a value; None for an input or a weight."""
        return self._makers.get(name)

    def takers(self, name: str) -> Sequence[NodeProto]:
        """Return the nodes that take a value as input, in order."""
        return self._takers.get(name, ())

    def constant(self, name: str) -> Weight | None:
        """Return the constant that a value always is; None where it depends on inputs."""
        if name not in self._constants:
            self._constants[name] = self._evaluated(name)
        return self._constants[name]

    def numbers(self, name: str) -> Array | None:
        """Return a constant as floating-point numbers; None where the value is not constant."""
        constant = self.constant(name)
        return None if constant is None else constant.floats

    def _evaluated(self, name: str) -> Weight | None:
        if name in self._initializers:
            return Weight(numpy_helper.to_array(self._initializers[name]))
        node = self.maker(name)
        if node is None or node.op_type not in ("Constant", "Identity", "Transpose", "DequantizeLinear", "Cast"):
            return None
        if node.op_type == "Constant":
            values = [attribute.t for attribute in node.attribute if attribute.name == "value"]
            return Weight(numpy_helper.to_array(values[0])) if values else None
        given = [constant for each in node.input if (constant := self.constant(each)) is not None]
        return _computed(node, given) if len(given) == len(node.input) else None

    def above(self, name: str, kinds: Sequence[str]) -> Iterator[NodeProto]:
        """Yield the nodes of some kinds that a value is computed from, nearest first, and none beyond one found."""
        seen, names = set[str](), [name]
        while names:
            name = names.pop(0)
            node = self.maker(name)
            if name in seen or node is None or node.op_type in _SHAPES:
                continue
            seen.add(name)
            if node.op_type in kinds:
                yield node
            else:
                names += node.input

    def below(self, name: str, kinds: Sequence[str]) -> Iterator[NodeProto]:
        """Yield the nodes of some kinds that are computed from a value, nearest first, and none beyond one found."""
        seen, names = set[str](), [name]
        while names:
            name = names.pop(0)
            for node in self.takers(name):
                if node.name + node.output[0] in seen or node.op_type in _SHAPES:
                    continue
                seen.add(node.name + node.output[0])
                if node.op_type in kinds:
                    yield node
                else:
                    names += node.output


def _computed(node: NodeProto, given: Sequence[Weight]) -> Weight | None:
    """Return a node's result on constant inputs; None where it is not constant."""
    if node.op_type == "Transpose":
        return given[0].transposed if given[0].values.ndim == 2 else None
    if node.op_type == "DequantizeLinear":
        return Weight(given[0].values, given[1].values, given[2].values if len(given) > 2 else None)
    return given[0]


def attribute(node: NodeProto, name: str, default: float) -> float:
    """Return a numeric attribute of a node, or the default."""
    for each in node.attribute:
        if each.name == name:
            return float(onnx.helper.get_attribute_value(each))
    return default


def vector(values: Array) -> Array:
    """Return a bias or the like as a contiguous one-dimensional array."""
    return np.ascontiguousarray(values.reshape(-1))
