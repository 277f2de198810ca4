"""The blocks of a network as nodes of a graph; values are [rows * tokens, width] throughout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import GraphProto, TensorProto

from services.common.neural.exactness import exact
from services.mt.engines.firefox import integers
from services.mt.engines.firefox.network import Cell, Fed, Network
from services.mt.neural.building import Graph, joined
from services.mt.neural.weights import Attention, Linear, Norm

_MICROSOFT = "com.microsoft"
COLUMNS = "columns"  # candidates that are integers, [width, ids]


def by_integers(network: Network) -> bool:
    """Return whether the network's last product is computed with 8-bit integers."""
    return network.by_integers and network.table.scale is not None and exact()


class Blocks:
    """Adds a transformer's and SSRU's blocks to a graph."""

    def __init__(self, graph: Graph, width: int, heads: int, many: bool = False) -> None:
        """Set `many` for blocks that get many tokens at once; all blocks that get the same tokens must be made
        alike.
        """
        self._whole = many and exact()
        self._graph = graph
        self._width = width
        self._heads = heads

    def flat(self, value: str) -> str:
        """Reshape [rows, tokens, width] to [rows * tokens, width]."""
        return self._graph.reshaped(value, -1, self._width)

    def attended(self, part: Attention, value: str, there: str) -> str:
        """Add the encoder's self-attention, to all tokens of the row that `there` marks."""
        graph = self._graph
        made = self._linear(value, joined(part.query, part.key, part.value))
        split = graph.split("Split", made, names=[""] * 3, axis=1, num_outputs=3)
        query, key, values = (self._by_row(each, there) for each in split)
        mixed = self.flat(self._mixed(query, key, values, there))
        return self.added(self._linear(mixed, part.out), value, part.norm)

    def remember(self, part: Attention, value: str, like: str, names: Sequence[str]) -> None:
        """Add keys and values of the sources, [rows, heads, length, head's width], as outputs under two names."""
        graph = self._graph
        made = self._linear(value, joined(part.key, part.value))
        for name, each in zip(names, graph.split("Split", made, names=[""] * 2, axis=1, num_outputs=2), strict=True):
            rows = graph.add("Shape", like, start=0, end=1)
            form = graph.add("Concat", rows, graph.integers(-1, self._heads, self._width // self._heads), axis=0)
            graph.add("Transpose", graph.add("Reshape", each, form), perm=(0, 2, 1, 3), name=name)

    def attended_source(self, part: Attention, value: str, given: tuple[str, str, str]) -> str:
        """Add the decoder's attention to the source.

        `given` are the name of what was remembered, `there`, and what is shaped [rows, tokens, …] as the value is; ""
        where each row has one token.
        """
        graph, (name, there, like) = self._graph, given
        query = self._linear(value, part.query)
        query = self._by_row(query, like) if like else graph.add("Unsqueeze", query, graph.integers(1))
        mixed = self.flat(self._mixed(query, f"{name}.key", f"{name}.value", there))
        return self.added(self._linear(mixed, part.out), value, part.norm)

    def fed(self, part: Fed, value: str) -> str:
        """Add the two feed-forward layers, and the residual sum with its normalization."""
        graph = self._graph
        wide = graph.add("Relu", self._linear(value, part.wide))
        return self.added(self._linear(wide, part.narrow, positive=True), value, part.norm)

    def stepped(self, part: Cell, value: str, before: str) -> tuple[str, str]:
        """Add an SSRU cell over one token; return the names of its output and of its next state."""
        forget, new = self._gates(part, value)
        cell = _kept(self._graph, forget, new, before)
        return self.added(self._graph.add("Relu", cell), value, part.norm), cell

    def run(self, part: Cell, value: str, like: str) -> tuple[str, str]:
        """Add an SSRU cell over all tokens; return the names of outputs and states, each [rows, tokens, width]."""
        graph = self._graph
        forget, new = (self._by_row(each, like) for each in self._gates(part, value))
        rows = graph.add("Shape", like, start=0, end=1)
        form = graph.add("Concat", rows, graph.integers(self._width), axis=0)
        nothing = graph.add("ConstantOfShape", form)
        _, cells = graph.split(
            "Scan",
            nothing,
            forget,
            new,
            names=["", ""],
            num_scan_inputs=2,
            scan_input_axes=[1, 1],
            scan_output_axes=[1],
            body=self._scanned(forget),
        )
        return self.added(graph.add("Relu", self.flat(cells)), value, part.norm), cells

    def last_picked(self, value: str, pick: str, name: str) -> None:
        """Add an output [rows, width] with the values of [rows, tokens, width] at the last of each row's picks."""
        graph = self._graph
        last = graph.add("Gather", pick, graph.integers(-1), axis=1)
        graph.add("GatherND", value, last, batch_dims=1, name=name)

    def picked(self, value: str, pick: str, like: str) -> str:
        """Select the values at each row's picks, [rows, picks, width]."""
        graph = self._graph
        return graph.add(
            "GatherND", self._by_row(value, like), graph.add("Unsqueeze", pick, graph.integers(2)), batch_dims=1
        )

    def added(self, value: str, before: str, norm: Norm) -> str:
        """Add the normalized sum of two values.

        Not by an `Add`: ONNX Runtime would make one operator of the two (SkipLayerNormalization), which on the CPU was
        measured to take seven times as long for 200 rows.
        """
        return self._graph.norm(self._graph.add("Sum", value, before), norm)

    def headed(self, network: Network, value: str) -> str:
        """Add the product with the output table, over the candidates if any; integer tables are transposed."""
        if by_integers(network):
            assert network.table.scale is not None
            return integers.by_columns(self._graph, value, COLUMNS, network.table.scale.astype(np.float32))
        return self._graph.add("Gemm", value, "candidates", transB=1)

    def _linear(self, value: str, linear: Linear, positive: bool = False) -> str:
        """Add a linear layer, in floats or by the integer product that suits its weight."""
        if linear.weight.scale is None:
            return self._graph.linear(value, linear)
        if self._whole and linear.step is not None and not positive:
            return integers.by_step(self._graph, value, linear)
        if self._whole:
            return integers.by_rows(self._graph, value, linear, positive)
        return integers.by_blocks(self._graph, value, linear)

    def _gates(self, part: Cell, value: str) -> tuple[str, str]:
        graph = self._graph
        made = self._linear(value, joined(part.forget, part.value))
        forget, new = graph.split("Split", made, names=["", ""], axis=1, num_outputs=2)
        return graph.add("Sigmoid", forget), new

    def _by_row(self, value: str, like: str) -> str:
        """Reshape [rows * tokens, width] to [rows, tokens, width], with the rows of `like`, [rows, tokens, …]."""
        graph = self._graph
        form = graph.add("Concat", graph.add("Shape", like, start=0, end=2), graph.integers(self._width), axis=0)
        return graph.add("Reshape", value, form)

    def _mixed(self, query: str, key: str, value: str, there: str) -> str:
        given = (query, key, value, "", there)
        return self._graph.add("MultiHeadAttention", *given, domain=_MICROSOFT, num_heads=self._heads)

    def _scanned(self, prefix: str) -> GraphProto:
        """Return the body of a scan over the tokens of rows: the SSRU recurrence."""
        body = Graph(f"{prefix}.scan.")
        cell, forget, new = (
            body.takes(f"{prefix}.scan.{name}", TensorProto.FLOAT, ["rows", self._width])
            for name in ("cell", "forget", "new")
        )
        kept = _kept(body, forget, new, cell)
        for name in ("kept", "given"):
            body.add("Identity", kept, name=f"{prefix}.scan.{name}")
            body.gives(f"{prefix}.scan.{name}", TensorProto.FLOAT, ["rows", self._width])
        return body.graph()


def _kept(graph: Graph, forget: str, new: str, before: str) -> str:
    """Add f · c + (1 - f) · new, computed as new + f · (c - new)."""
    return graph.add("Add", new, graph.add("Mul", forget, graph.add("Sub", before, new)))
