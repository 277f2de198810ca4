"""The graphs a translation is decoded with, made of a decoder's weights.

One computes any number of tokens of any number of rows: a row's first ones, or one more. What the rows remember of
their words (keys and values) lies in memory that is bound as input and as output, and grows in place. Every row tells
its own positions, so rows of different lengths are computed together, as exported decoders cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, helper

from services.mt.engines.onnx.remembering import kind_of, memories
from services.mt.neural.building import TYPES, Graph, joined
from services.mt.neural.weights import Array, Attention, Decoder, Layer, Linear, Norm

_INTEGER = TensorProto.INT64
_NEVER = -1e4  # added to a logit, in half precision too
_BLOCK = 128
_NO_ID = -6e4  # a logit that no id has, in half precision too
_FEW_IDS = 16_384  # so few are looked through at once


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder's properties that its weights do not show."""

    heads: int
    scale: float  # of what the ids look up
    positions: Array  # [most positions, width], added to it
    activation: str  # "relu", "swish" or "gelu"
    never: tuple[int, ...]  # ids that are no answer
    never_counts: bool  # whether the probability of those is left in the sum that the others are divided by


def step(decoder: Decoder, shape: Shape) -> ModelProto:
    """Return the graph of a decoding step.

    `ids` and `positions` are [rows, tokens]; `pick` [rows, picks] tells behind which of the tokens to answer;
    `lengths` [texts] how long each source is (the rows of a text stand together); `k` how many ids to answer;
    `wanted` [rows, ids] ids to score in any case; `scored` whether to divide by the sum of all.
    Answers `best` and `scores` [rows, picks, k], and `wanted_scores` [rows, picks, ids]. Not scored, they are logits.
    """
    return _Step(_in_blocks(decoder), shape).model()


class _Step:
    def __init__(self, decoder: Decoder, shape: Shape) -> None:
        self._graph = Graph()
        self._decoder = decoder
        self._shape = shape
        self._width = decoder.table.values.shape[1]
        self._size = self._width // shape.heads
        self._kind = kind_of(decoder)

    def model(self) -> ModelProto:
        graph = self._graph
        ids = graph.takes("ids", _INTEGER, ["rows", "tokens"])
        positions = graph.takes("positions", _INTEGER, ["rows", "tokens"])
        lengths = graph.takes("lengths", _INTEGER, ["texts"])
        at = self._places(positions)
        masks = self._masks(positions, lengths)
        value = self._looked_up(ids, positions)
        for number, layer in enumerate(self._decoder.layers):
            value = self._layer(number, layer, value, (at, *masks))
        if self._decoder.last_norm:
            value = graph.norm(value, self._decoder.last_norm)
        self._answer(value, ids)
        return graph.model()

    def _looked_up(self, ids: str, positions: str) -> str:
        """Add the scaled embeddings and positions, [rows * tokens, width]."""
        graph = self._graph
        table = graph.holds(self._decoder.table.floats.astype(self._kind), "table")
        found = graph.add("Gather", table, graph.reshaped(ids, -1))
        scaled = graph.add("Mul", found, graph.holds(np.array(self._shape.scale, self._kind)))
        places = graph.holds(self._shape.positions.astype(self._kind), "positions.table")
        return graph.add("Add", scaled, graph.add("Gather", places, graph.reshaped(positions, -1)))

    def _places(self, positions: str) -> str:
        """Add the indexes at which each token's keys and values are stored, [rows, heads, tokens, 3]."""
        graph = self._graph
        heads = graph.holds(np.arange(self._shape.heads, dtype=np.int64).reshape(1, -1, 1), "heads")
        tokens = graph.add("Unsqueeze", positions, graph.integers(1))
        count = graph.add("Squeeze", graph.add("Shape", positions, start=0, end=1))
        zero, one = (graph.holds(np.array(number, np.int64)) for number in (0, 1))
        rows = graph.reshaped(graph.add("Range", zero, count, one), -1, 1, 1)
        none = graph.add("Mul", graph.add("Add", graph.add("Add", rows, heads), tokens), zero)
        each = [
            graph.add("Unsqueeze", graph.add("Add", none, one_of), graph.integers(3))
            for one_of in (rows, heads, tokens)
        ]
        return graph.add("Concat", *each, axis=3)

    def _masks(self, positions: str, lengths: str) -> tuple[str, str]:
        """Add the masks, 0 or minus infinity, that hide later tokens, and the padding behind a source."""
        graph = self._graph
        own = self._remembered("own", "rows", "room")
        source = self._remembered("cross", "texts", "source")
        seen = graph.add("LessOrEqual", self._counted(own[0]), graph.reshaped(positions, 0, 1, -1, 1))
        there = graph.add("Less", self._counted(source[0]), graph.reshaped(lengths, -1, 1, 1, 1))
        lowest = graph.holds(np.array(-65504 if self._kind == np.float16 else -3e38, self._kind))
        none = graph.holds(np.array(0, self._kind))
        return graph.add("Where", seen, none, lowest), graph.add("Where", there, none, lowest)

    def _remembered(self, prefix: str, rows: str, room: str) -> list[str]:
        names = memories(prefix, len(self._decoder.layers))
        form = [rows, self._shape.heads, room, self._size]
        return [self._graph.takes(name, TYPES[self._kind], form) for name in names]

    def _counted(self, memory: str) -> str:
        """Add the numbers 0, 1, … up to the memory's room, [1, 1, 1, room]."""
        graph = self._graph
        room = graph.add("Squeeze", graph.add("Shape", memory, start=2, end=3))
        zero, one = (graph.holds(np.array(number, np.int64)) for number in (0, 1))
        return graph.reshaped(graph.add("Range", zero, room, one), 1, 1, 1, -1)

    def _layer(self, number: int, layer: Layer, value: str, given: Sequence[str]) -> str:
        at, own, source = given
        value = self._part(value, layer.own.norm, lambda taken: self._attended(number, layer.own, taken, (at, own)))
        value = self._part(
            value, layer.cross.norm, lambda taken: self._attended_source(number, layer.cross, taken, source)
        )
        return self._part(value, layer.norm, lambda taken: self._fed(layer, taken))

    def _part(self, value: str, norm: Norm, compute: Callable[[str], str]) -> str:
        """Add a part of a layer with its residual sum, normalized before or after it."""
        before = self._decoder.normalizes_before
        made = compute(self._graph.norm(value, norm) if before else value)
        added = self._graph.add("Add", value, made)
        return added if before else self._graph.norm(added, norm)

    def _attended(self, number: int, part: Attention, value: str, given: Sequence[str]) -> str:
        """Add self-attention to the row's tokens, this one included, whose key and value are stored."""
        graph, (at, mask) = self._graph, given
        made = graph.linear(value, joined(part.query, part.key, part.value))
        query, *new = (
            self._by_head(each, "ids") for each in graph.split("Split", made, names=[""] * 3, axis=1, num_outputs=3)
        )
        key, value = (
            graph.add("ScatterND", f"own.{number}.{what}", at, each, name=f"new.{number}.{what}")
            for what, each in zip(("key", "value"), new, strict=True)
        )
        for each in (key, value):
            graph.gives(each, TYPES[self._kind], ["rows", self._shape.heads, "room", self._size])
        return graph.linear(self._mixed(query, key, value, mask), part.out)

    def _attended_source(self, number: int, part: Attention, value: str, mask: str) -> str:
        """Add attention to the source, which all rows of a text share."""
        query = self._by_head(self._graph.linear(value, part.query), "lengths")
        mixed = self._mixed(query, f"cross.{number}.key", f"cross.{number}.value", mask)
        return self._graph.linear(mixed, part.out)

    def _by_head(self, value: str, like: str) -> str:
        """Reshape [rows * tokens, width] to [rows or texts, heads, tokens, head's width]."""
        graph = self._graph
        count = graph.add("Shape", like, start=0, end=1)
        form = graph.add("Concat", count, graph.integers(-1, self._shape.heads, self._size), axis=0)
        return graph.turned(graph.add("Reshape", value, form), 0, 2, 1, 3)

    def _mixed(self, query: str, key: str, value: str, mask: str) -> str:
        """Add the values weighted by the softmax of query and keys, [rows * tokens, width]."""
        graph = self._graph
        scores = graph.add("Add", graph.scores(query, key, float(self._size**-0.5)), mask)
        mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), value)
        return graph.reshaped(graph.turned(mixed, 0, 2, 1, 3), -1, self._width)

    def _fed(self, layer: Layer, value: str) -> str:
        graph = self._graph
        wide = graph.linear(value, layer.wide)
        match self._shape.activation:
            case "relu":
                active = graph.add("Relu", wide)
            case "gelu":
                active = graph.add("Gelu", wide, domain="com.microsoft")
            case _:
                active = graph.add("Mul", wide, graph.add("Sigmoid", wide))
        return graph.linear(active, layer.narrow)

    def _answer(self, value: str, ids: str) -> None:
        """Add the outputs: only the best `k` ids and their scores leave the device."""
        graph = self._graph
        pick = graph.takes("pick", _INTEGER, ["rows", "picks"])
        by_row = graph.add("Reshape", value, graph.add("Concat", graph.add("Shape", ids), graph.integers(-1), axis=0))
        picked = graph.add("GatherND", by_row, graph.add("Unsqueeze", pick, graph.integers(2)), batch_dims=1)
        logits, counted = self._logits(graph.reshaped(picked, -1, self._width))
        best, scores, sums = self._best(logits, counted)
        wanted = graph.takes("wanted", _INTEGER, ["rows", "ids"])
        every = graph.add("Expand", graph.add("Unsqueeze", wanted, graph.integers(1)), self._form(pick, wanted))
        flat = graph.add(
            "Reshape", every, graph.add("Concat", graph.integers(-1), graph.add("Shape", wanted, start=1), axis=0)
        )
        found = graph.add("GatherElements", logits, flat, axis=1)
        self._given("best", best, pick, _INTEGER)
        self._given("scores", scores, pick, TensorProto.FLOAT)
        self._given("wanted_scores", graph.add("Sub", found, sums), pick, TensorProto.FLOAT)

    def _form(self, pick: str, wanted: str) -> str:
        graph = self._graph
        return graph.add("Concat", graph.add("Shape", pick), graph.add("Shape", wanted, start=1), axis=0)

    def _given(self, name: str, value: str, pick: str, kind: int) -> None:
        graph = self._graph
        form = graph.add("Concat", graph.add("Shape", pick), graph.integers(-1), axis=0)
        graph.add("Reshape", value, form, name=name)
        graph.gives(name, kind, ["rows", "picks", "of_each"])

    def _logits(self, picked: str) -> tuple[str, str]:
        """Add the logits of the ids that may be answered, and those that the softmax counts."""
        graph, head, shape = self._graph, self._decoder.head, self._shape
        count = head.weight.values.shape[1]
        assert head.bias is not None
        bias = head.bias.astype(np.float32)
        never = np.zeros(count, np.float32)
        never[list(shape.never)] = _NEVER
        kept_apart = shape.never and shape.never_counts
        made = self._headed(picked, Linear(head.weight, (bias if kept_apart else bias + never).astype(self._kind)))
        logits = made if self._kind == np.float32 else graph.add("Cast", made, to=TensorProto.FLOAT)
        return (graph.add("Add", logits, graph.holds(never)) if kept_apart else logits), logits

    def _headed(self, picked: str, head: Linear) -> str:
        table = self._decoder.table
        tied = head.weight.scale is None and np.array_equal(head.weight.values, table.floats.T)
        if not tied or head.bias is None:
            return self._graph.linear(picked, head)
        return self._graph.add("Gemm", picked, "table", self._graph.holds(head.bias), transB=1)

    def _best(self, logits: str, counted: str) -> tuple[str, str, str]:
        """Add the best ids, their scores, and the logarithm of each score's normalizer."""
        graph = self._graph
        k, scored = graph.takes("k", _INTEGER, [1]), graph.takes("scored", TensorProto.BOOL, [1])
        sums = graph.add(
            "If",
            scored,
            then_branch=_branch("ReduceLogSumExp", [counted, graph.integers(1)], keepdims=1),
            else_branch=_branch("Identity", [graph.holds(np.zeros((1, 1), np.float32))]),
        )
        count = self._decoder.head.weight.values.shape[1]
        scores, best = self._top_of_blocks(logits, k) if count >= _FEW_IDS else self._top(logits, k)
        return best, graph.add("Sub", scores, sums), sums

    def _top(self, values: str, k: str) -> Sequence[str]:
        return self._graph.split("TopK", values, k, names=["", ""], axis=1)

    def _top_of_blocks(self, logits: str, k: str) -> tuple[str, str]:
        """Add the best `k` ids, searched only in the blocks with the highest maxima."""
        graph = self._graph
        blocks = graph.reshaped(logits, 0, -1, _BLOCK)
        _, highest = self._top(graph.add("ReduceMax", blocks, graph.integers(2), keepdims=0), k)
        found = graph.add("GatherND", blocks, graph.add("Unsqueeze", highest, graph.integers(2)), batch_dims=1)
        scores, places = self._top(graph.reshaped(found, 0, -1), k)
        size = graph.holds(np.array(_BLOCK, np.int64))
        block = graph.add("GatherElements", highest, graph.add("Div", places, size), axis=1)
        return scores, graph.add("Add", graph.add("Mul", block, size), graph.add("Mod", places, size))


def _branch(kind: str, taken: Sequence[str], **attributes: Any) -> GraphProto:
    """Return a graph of one node over values of the enclosing graph."""
    made = helper.make_tensor_value_info(f"of.{kind}", TensorProto.FLOAT, None)
    return helper.make_graph([helper.make_node(kind, taken, [f"of.{kind}"], **attributes)], kind, [], [made])


def _in_blocks(decoder: Decoder) -> Decoder:
    """Return the decoder with its vocabulary padded to whole blocks; the added ids have no chance."""
    table, head = decoder.table, decoder.head
    count = head.weight.values.shape[1]
    missing = -count % _BLOCK if count >= _FEW_IDS else 0
    bias = np.zeros(count, np.float32) if head.bias is None else head.bias.astype(np.float32)
    bias = np.pad(bias, (0, missing), constant_values=_NO_ID)
    rows = replace(table, values=np.pad(table.values, ((0, missing), (0, 0))))
    columns = replace(head.weight, values=np.pad(head.weight.values, ((0, 0), (0, missing))))
    return replace(decoder, table=rows, head=Linear(columns, bias))
