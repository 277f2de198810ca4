"""The blocks of a network as nodes of a graph; values are [rows * tokens, width] throughout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import GraphProto, TensorProto

from services.mt.engines.firefox import integers
from services.mt.engines.firefox.network import Cell, Fed, Network
from services.mt.neural.building import Graph, joined
from services.mt.neural.weights import Attention, Linear, Norm

_MICROSOFT = "com.microsoft"
COLUMNS = "columns"  # candidates that are integers, [width, ids]


def by_integers(network: Network) -> bool:
    """Whether the last product is one of integers."""
    return network.by_integers and network.table.scale is not None and integers.exact()


class Blocks:
    """Adds blocks to a graph."""

    def __init__(self, graph: Graph, width: int, heads: int, many: bool = False) -> None:
        """`many` is for those that get many tokens at once; all that get the same tokens have to be made alike."""
        self._whole = many and integers.exact()
        self._graph = graph
        self._width = width
        self._heads = heads

    def flat(self, value: str) -> str:
        """[rows, tokens, width] as [rows * tokens, width]."""
        return self._graph.reshaped(value, -1, self._width)

    def attended(self, part: Attention, value: str, there: str) -> str:
        """The encoder's attention to all tokens of the row that are `there`."""
        graph = self._graph
        made = self._linear(value, joined(part.query, part.key, part.value))
        split = graph.split("Split", made, names=[""] * 3, axis=1, num_outputs=3)
        query, key, values = (self._by_row(each, there) for each in split)
        mixed = self.flat(self._mixed(query, key, values, there))
        return self.added(self._linear(mixed, part.out), value, part.norm)

    def remember(self, part: Attention, value: str, like: str, names: Sequence[str]) -> None:
        """Keys and values of the sources, [rows, heads, length, head's width], under two names."""
        graph = self._graph
        made = self._linear(value, joined(part.key, part.value))
        for name, each in zip(names, graph.split("Split", made, names=[""] * 2, axis=1, num_outputs=2), strict=True):
            rows = graph.add("Shape", like, start=0, end=1)
            form = graph.add("Concat", rows, graph.integers(-1, self._heads, self._width // self._heads), axis=0)
            graph.add("Transpose", graph.add("Reshape", each, form), perm=(0, 2, 1, 3), name=name)

    def attended_source(self, part: Attention, value: str, given: tuple[str, str, str]) -> str:
        """The decoder's attention to the source.

        `given` are the name of what was remembered, `there`, and what is shaped [rows, tokens, …] as the value is; ""
        where each row has one token.
        """
        graph, (name, there, like) = self._graph, given
        query = self._linear(value, part.query)
        query = self._by_row(query, like) if like else graph.add("Unsqueeze", query, graph.integers(1))
        mixed = self.flat(self._mixed(query, f"{name}.key", f"{name}.value", there))
        return self.added(self._linear(mixed, part.out), value, part.norm)

    def fed(self, part: Fed, value: str) -> str:
        """The two linear layers, and what they are added to."""
        graph = self._graph
        wide = graph.add("Relu", self._linear(value, part.wide))
        return self.added(self._linear(wide, part.narrow, positive=True), value, part.norm)

    def stepped(self, part: Cell, value: str, before: str) -> tuple[str, str]:
        """An SSRU cell over one token: the answer, and the cell from then on."""
        forget, new = self._gates(part, value)
        cell = _kept(self._graph, forget, new, before)
        return self.added(self._graph.add("Relu", cell), value, part.norm), cell

    def run(self, part: Cell, value: str, like: str) -> tuple[str, str]:
        """An SSRU cell over all tokens of rows: the answers, and the cell behind each, [rows, tokens, width]."""
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
        """Of [rows, tokens, width] what stands at the last of each row's picks, [rows, width], under a name."""
        graph = self._graph
        last = graph.add("Gather", pick, graph.integers(-1), axis=1)
        graph.add("GatherND", value, last, batch_dims=1, name=name)

    def picked(self, value: str, pick: str, like: str) -> str:
        """What stands at each row's picks, [rows, picks, width]."""
        graph = self._graph
        return graph.add(
            "GatherND", self._by_row(value, like), graph.add("Unsqueeze", pick, graph.integers(2)), batch_dims=1
        )

    def added(self, value: str, before: str, norm: Norm) -> str:
        """The sum, normalized.

        Not by an `Add`: ONNX Runtime would make one operator of the two (SkipLayerNormalization), which on the CPU was
        measured to take seven times as long for 200 rows.
        """
        return self._graph.norm(self._graph.add("Sum", value, before), norm)

    def headed(self, network: Network, value: str) -> str:
        """The last product: with candidates, or where they are integers with those turned."""
        if by_integers(network):
            assert network.table.scale is not None
            return integers.by_columns(self._graph, value, COLUMNS, network.table.scale.astype(np.float32))
        return self._graph.add("Gemm", value, "candidates", transB=1)

    def _linear(self, value: str, linear: Linear, positive: bool = False) -> str:
        """A linear layer."""
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
        """[rows * tokens, width] as [rows, tokens, width], by what is shaped [rows, tokens, …]."""
        graph = self._graph
        form = graph.add("Concat", graph.add("Shape", like, start=0, end=2), graph.integers(self._width), axis=0)
        return graph.add("Reshape", value, form)

    def _mixed(self, query: str, key: str, value: str, there: str) -> str:
        given = (query, key, value, "", there)
        return self._graph.add("MultiHeadAttention", *given, domain=_MICROSOFT, num_heads=self._heads)

    def _scanned(self, prefix: str) -> GraphProto:
        """The body of a scan over the tokens of rows."""
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
    """f · c + (1 - f) · new, as new + f · (c - new)."""
    return graph.add("Add", new, graph.add("Mul", forget, graph.add("Sub", before, new)))
