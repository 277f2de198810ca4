"""Reads the weights of a decoder out of the graph that an exporter made of it.

By how the graph computes, not by names: exporters name nodes as they like, and keep one of all weights that are equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, NodeProto

from services.mt.engines.onnx.tracing import Trace, Unrecognized, attribute, vector
from services.mt.neural.weights import Attention, Decoder, Layer, Linear, Norm, Weight

_PRODUCTS = ("MatMul", "Gemm", "MatMulInteger")
_EPSILON = 1e-5  # of torch's layer normalization, where it was exported in pieces
_MADE_BY_NORM = ("LayerNormalization", "Add")


def decoder(model: ModelProto) -> Decoder:
    """Return a decoder's weights. Raises Unrecognized where the graph is not a Marian or M2M100 decoder."""
    return _Reading(Trace(model)).decoder()


@dataclass(frozen=True, slots=True)
class _Product:
    """A linear layer as found in the graph, with the node that computes it."""

    linear: Linear
    node: NodeProto

    @property
    def taken(self) -> str:
        return str(self.node.input[0])


@dataclass(frozen=True, slots=True)
class _Attended:
    query: _Product
    key: _Product
    value: _Product
    out: _Product


class _Reading:
    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def decoder(self) -> Decoder:
        attended = [self._attended(node) for node in self._trace.nodes if node.op_type in ("Softmax", "Attention")]
        if not attended or len(attended) % 2:
            raise Unrecognized("each layer should attend twice, to its own words and to the source")
        within = {str(each.node.output[0]) for one in attended for each in (one.query, one.key, one.value, one.out)}
        products = [node for node in self._trace.nodes if self._is_linear(node)]
        rest = [self._product(node) for node in products if node.output[0] not in within]
        if len(rest) != len(attended) + 1:
            raise Unrecognized(f"{len(rest)} products beside attention are not two in a layer and the last")
        head = rest.pop()
        before = self._norm(attended[0].query.taken) is not None
        layers = list(self._layers(attended, rest, head, before))
        return Decoder(tuple(layers), self._table(), self._head(head), self._norm(head.taken) if before else None)

    def _layers(self, attended: list[_Attended], rest: list[_Product], head: _Product, before: bool) -> Iterator[Layer]:
        owns, crosses, wides, narrows = attended[::2], attended[1::2], rest[::2], rest[1::2]
        for number, (own, cross, wide, narrow) in enumerate(zip(owns, crosses, wides, narrows, strict=True)):
            following = owns[number + 1].query if number + 1 < len(owns) else head
            first, second, third = (own.query, cross.query, wide) if before else (cross.query, wide, following)
            yield Layer(
                self._attention(own, first),
                self._attention(cross, second),
                wide.linear,
                narrow.linear,
                self._needed_norm(third),
            )

    def _attention(self, found: _Attended, taker: _Product) -> Attention:
        query, key, value, out = (each.linear for each in (found.query, found.key, found.value, found.out))
        return Attention(query, key, value, out, self._needed_norm(taker))

    def _attended(self, node: NodeProto) -> _Attended:
        if node.op_type == "Attention":
            if node.domain or any(each.name.endswith("num_heads") for each in node.attribute):
                raise Unrecognized("its attention was fused by an optimizer; export it without")
            query, key, value, mixed = *node.input[:3], node.output[0]
        else:
            scores = self._first(self._trace.above(node.input[0], _PRODUCTS), "a product before a softmax")
            weighed = self._first(self._trace.below(node.output[0], _PRODUCTS), "a product behind a softmax")
            (query, key), value, mixed = scores.input[:2], weighed.input[1], weighed.output[0]
        out = self._first(filter(self._is_linear, self._trace.below(mixed, _PRODUCTS)), "an output of attention")
        asked, known, told = (self._linear_above(name) for name in (query, key, value))
        return _Attended(asked, known, told, self._product(out))

    def _linear_above(self, name: str) -> _Product:
        found = filter(self._is_linear, self._trace.above(name, _PRODUCTS))
        return self._product(self._first(found, "a projection of attention"))

    def _is_linear(self, node: NodeProto) -> bool:
        return node.op_type in _PRODUCTS and self._trace.constant(node.input[1]) is not None

    def _product(self, node: NodeProto) -> _Product:
        weight = self._trace.constant(node.input[1])
        assert weight is not None
        bias = None
        if node.op_type == "Gemm":
            if attribute(node, "alpha", 1) != 1 or attribute(node, "beta", 1) != 1 or attribute(node, "transA", 0):
                raise Unrecognized("it has a Gemm with factors")
            weight = weight.transposed if attribute(node, "transB", 0) else weight
            bias = self._trace.numbers(node.input[2]) if len(node.input) > 2 else None
        made = str(node.output[0])
        if node.op_type == "MatMulInteger":
            weight, made = self._integers(node, weight)
        if bias is None:
            bias = self._bias(made, weight.values.shape[1])
        return _Product(Linear(weight, None if bias is None else vector(bias)), node)

    def _integers(self, node: NodeProto, weight: Weight) -> tuple[Weight, str]:
        """Return the weight with its scale, read from the product of scales that the integer sums are multiplied by."""
        cast = self._first(self._trace.below(node.output[0], ("Cast",)), "a sum of integers as numbers")
        scaled = self._first(self._trace.below(cast.output[0], ("Mul",)), "scales of a sum of integers")
        product = self._trace.maker(next(each for each in scaled.input if each != cast.output[0]))
        scales = [self._trace.numbers(each) for each in product.input] if product else []
        scale = next((each for each in scales if each is not None), None)
        if scale is None:
            raise Unrecognized("a weight in integers has no scale")
        zero = self._trace.constant(node.input[3]) if len(node.input) > 3 else None
        return Weight(weight.values, scale, zero.values if zero else None), str(scaled.output[0])

    def _bias(self, made: str, size: int) -> np.ndarray | None:
        for taker in self._trace.takers(made):
            if taker.op_type == "Add":
                for other in taker.input:
                    numbers = None if other == made else self._trace.numbers(other)
                    if numbers is not None and numbers.size == size:
                        return numbers
        return None

    def _needed_norm(self, taker: _Product) -> Norm:
        norm = self._norm(taker.taken)
        if norm is None:
            raise Unrecognized("a normalization is missing")
        return norm

    def _norm(self, name: str) -> Norm | None:
        """Return the normalization whose output a value directly is; None for other values."""
        node = self._trace.maker(name)
        while node is not None and node.op_type in ("Identity", "Cast", "Reshape", "DynamicQuantizeLinear"):
            name = node.input[0]
            node = self._trace.maker(name)
        if node is None or node.op_type not in _MADE_BY_NORM:
            return None
        if node.op_type == "LayerNormalization":
            weight, bias = self._trace.numbers(node.input[1]), self._trace.numbers(node.input[2])
            return None if weight is None or bias is None else Norm(weight, bias, attribute(node, "epsilon", _EPSILON))
        return self._norm_in_pieces(node)

    def _norm_in_pieces(self, added: NodeProto) -> Norm | None:
        bias, product = self._split(added)
        if bias is None or product is None or product.op_type != "Mul":
            return None
        weight, quotient = self._split(product)
        if weight is None or quotient is None or quotient.op_type != "Div":
            return None
        return Norm(vector(weight), vector(bias), _EPSILON)

    def _split(self, node: NodeProto) -> tuple[np.ndarray | None, NodeProto | None]:
        """Return a node's constant input, and the node that computes its other input."""
        for one, other in (node.input[:2], reversed(node.input[:2])):
            if (numbers := self._trace.numbers(one)) is not None:
                return numbers, self._trace.maker(other)
        return None, None

    def _table(self) -> Weight:
        """Return the embedding table; it may be stored as integers that are dequantized behind the look-up."""
        for node in self._trace.nodes:
            if node.op_type == "Gather" and self._of_ids(node.input[1]):
                table = self._trace.constant(node.input[0])
                if table is None:
                    break
                (*_, taker) = [None, *self._trace.takers(node.output[0])]
                if table.scale is None and taker is not None and taker.op_type == "DequantizeLinear":
                    scale, zero = (self._trace.constant(each) for each in taker.input[1:3])
                    return Weight(table.values, scale.values if scale else None, zero.values if zero else None)
                return table
        raise Unrecognized("no table of ids was found")

    def _of_ids(self, name: str) -> bool:
        while (node := self._trace.maker(name)) is not None and node.op_type in ("Reshape", "Cast", "Identity"):
            name = node.input[0]
        return name == "input_ids"

    def _head(self, head: _Product) -> Linear:
        if head.linear.weight.values.ndim != 2:
            raise Unrecognized("its last product is none with a matrix")
        return head.linear

    def _first(self, nodes: Iterator[NodeProto], what: str) -> NodeProto:
        found = next(nodes, None)
        if found is None:
            raise Unrecognized(f"{what} was not found")
        return found
