"""Builds the two graphs of a translation from a network's weights.

The first reads sources and what their translations start with, all at once. The second goes on from there, some tokens
in one call: the loop over the tokens is within the graph, for to call a graph this small costs as much as to compute
it. Ids are looked up outside, among `candidates` (the rows of the table that may follow), and so no graph holds it.
"""

from __future__ import annotations

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto

from services.mt.engines.firefox.blocks import COLUMNS, Blocks, by_integers
from services.mt.engines.firefox.network import Network, positions
from services.mt.engines.firefox.table import MOST_POSITIONS
from services.mt.neural.building import Graph

_FLOAT, _INTEGER, _BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def remembered(network: Network) -> list[str]:
    """Return the names of the sources' cached keys and values, two per decoder layer."""
    return [f"cross.{layer}.{what}" for layer in range(len(network.decoder)) for what in ("key", "value")]


def cells(network: Network) -> list[str]:
    """Return the names of the translations' SSRU states, one per decoder layer."""
    return [f"cell.{layer}" for layer in range(len(network.decoder))]


def reading(network: Network) -> ModelProto:
    """Return the graph that encodes sources, and begins their translations.

    `source` [rows, length, width] is what their ids looked up, places added; `there` [rows, length] tells 1 where there
    are some, in int32. `prompt` [rows, tokens, width] likewise; `pick` [rows, picks] says behind which of its tokens to
    answer, and the last of those is where the cells are remembered. `candidates` [ids, width] and `bias` [rows or 1,
    ids] make the last product. Answers `logits` [rows, picks, ids], the cells, and what the decoder looks at.
    """
    graph = Graph()
    encoder = Blocks(graph, network.width, network.heads, many=True)
    value = encoder.flat(graph.takes("source", _FLOAT, ["rows", "length", network.width]))
    there = graph.takes("there", TensorProto.INT32, ["rows", "length"])
    for layer in network.encoder:
        value = encoder.fed(layer.fed, encoder.attended(layer.own, value, there))
    size = network.width // network.heads
    for number, decoding in enumerate(network.decoder):
        encoder.remember(decoding.source, value, "there", [f"cross.{number}.key", f"cross.{number}.value"])
    for name in remembered(network):
        graph.gives(name, _FLOAT, ["rows", network.heads, "length", size])
    blocks = Blocks(graph, network.width, network.heads)
    prompt = blocks.flat(graph.takes("prompt", _FLOAT, ["rows", "tokens", network.width]))
    pick = graph.takes("pick", _INTEGER, ["rows", "picks"])
    for number, decoding in enumerate(network.decoder):
        prompt, states = blocks.run(decoding.cell, prompt, "prompt")
        blocks.last_picked(states, pick, f"cell.{number}")
        graph.gives(f"cell.{number}", _FLOAT, ["rows", network.width])
        prompt = blocks.attended_source(decoding.source, prompt, (f"cross.{number}", "there", "prompt"))
        prompt = blocks.fed(decoding.fed, prompt)
    _take_candidates(graph, network)
    bias = graph.takes("bias", _FLOAT, ["rows_or_1", "ids"])
    made = blocks.headed(network, blocks.flat(blocks.picked(prompt, pick, "prompt")))
    form = graph.add("Concat", graph.add("Shape", pick), graph.integers(-1), axis=0)
    graph.add("Add", graph.add("Reshape", made, form), graph.add("Unsqueeze", bias, graph.integers(1)), name="logits")
    graph.gives("logits", _FLOAT, ["rows", "picks", "ids"])
    return graph.model()


def stepping(network: Network) -> ModelProto:
    """Return the graph that continues translations greedily, for at most `steps` tokens.

    `last` [rows] is the candidate that each has come to, `position` [rows] its place, `limit` [rows] the first place
    that none has. It ends as soon as `enough` rows have ended: by the candidate `end`, or at their limit. Answers
    `chosen` [steps, rows], candidates, whatever follows the end of a row, and the cells.
    """
    graph = Graph()
    rows = {"last": _INTEGER, "position": _INTEGER, "limit": _INTEGER}
    for name, kind in rows.items():
        graph.takes(name, kind, ["rows"])
    for name in ("steps", "enough", "end"):
        graph.takes(name, _INTEGER, [])
    graph.takes("there", TensorProto.INT32, ["rows", "length"])
    _take_candidates(graph, network)
    graph.takes("bias", _FLOAT, ["rows_or_1", "ids"])
    for name in remembered(network):
        graph.takes(name, _FLOAT, ["rows", network.heads, "length", network.width // network.heads])
    for name in cells(network):
        graph.takes(name, _FLOAT, ["rows", network.width])
    zero = graph.integers(0)
    none = graph.add("Less", "position", zero)  # no row has ended
    goes_on = graph.add("Greater", "steps", graph.add("Squeeze", zero))
    names = [f"new.{name}" for name in cells(network)]
    graph.split(
        "Loop",
        "steps",
        goes_on,
        "last",
        "position",
        none,
        *cells(network),
        names=["", "", "", *names, "chosen"],
        body=_Body(network).graph(),
    )
    for name in names:
        graph.gives(name, _FLOAT, ["rows", network.width])
    graph.gives("chosen", _INTEGER, ["steps", "rows"])
    return graph.model()


def _take_candidates(graph: Graph, network: Network) -> None:
    """Add the candidates' inputs: as integers, which the last product needs transposed, or as floats."""
    if by_integers(network):
        graph.add("Transpose", graph.takes("candidates", TensorProto.INT8, ["ids", network.width]), name=COLUMNS)
    else:
        graph.takes("candidates", _FLOAT, ["ids", network.width])


class _Body:
    """The loop body of the stepping graph: one token of each row."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._graph = Graph("body.")
        self._blocks = Blocks(self._graph, network.width, network.heads)

    def graph(self) -> GraphProto:
        graph, blocks, network = self._graph, self._blocks, self._network
        graph.takes("body.step", _INTEGER, [])
        graph.takes("body.went_on", _BOOL, [])
        last = graph.takes("body.last", _INTEGER, ["rows"])
        position = graph.takes("body.position", _INTEGER, ["rows"])
        ended = graph.takes("body.ended", _BOOL, ["rows"])
        before = [graph.takes(f"body.{name}", _FLOAT, ["rows", network.width]) for name in cells(network)]
        value, after = self._looked_up(last, position), list[str]()
        for number, layer in enumerate(network.decoder):
            value, cell = blocks.stepped(layer.cell, value, before[number])
            value = blocks.attended_source(layer.source, value, (f"cross.{number}", "there", ""))
            value = blocks.fed(layer.fed, value)
            after.append(cell)
        logits = graph.add("Add", blocks.headed(network, value), "bias")
        chosen = graph.add("ArgMax", logits, axis=1, keepdims=0)
        place = graph.add("Add", position, graph.integers(1))
        over = graph.add("Or", graph.add("Equal", chosen, "end"), graph.add("GreaterOrEqual", place, "limit"))
        ended = graph.add("Or", ended, over)
        count = graph.add("ReduceSum", graph.add("Cast", ended, to=_INTEGER), keepdims=0)
        goes_on = graph.add("Less", count, "enough")
        graph.gives(graph.add("Identity", goes_on), _BOOL, [])
        for name, kind in ((chosen, _INTEGER), (place, _INTEGER), (ended, _BOOL)):
            graph.gives(graph.add("Identity", name), kind, ["rows"])
        for name in after:
            graph.gives(graph.add("Identity", name), _FLOAT, ["rows", network.width])
        graph.gives(graph.add("Identity", chosen), _INTEGER, ["rows"])
        return graph.graph()

    def _looked_up(self, last: str, position: str) -> str:
        graph, network = self._graph, self._network
        found, factor = graph.add("Gather", "candidates", last), np.array(network.scale, np.float32)
        if by_integers(network):
            assert network.table.scale is not None
            found, factor = graph.add("Cast", found, to=_FLOAT), (factor * network.table.scale).astype(np.float32)
        scaled = graph.add("Mul", found, graph.holds(factor))
        table = graph.holds(positions(MOST_POSITIONS, network.width))
        return graph.add("Add", scaled, graph.add("Gather", table, position))
