"""Graphs for the decoder's memory: keys and values of sources, and reordering of rows."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper

from services.mt.neural.building import TYPES, Graph, joined
from services.mt.neural.weights import Decoder

_INTEGER = TensorProto.INT64
Kind: TypeAlias = np.dtype[np.generic]


def cross(decoder: Decoder, heads: int, told: Kind) -> ModelProto:
    """Return the graph that computes keys and values of sources.

    Of `hidden` [texts, length, width] in the numbers `told`, padded to `room`: [texts, heads, room, head's width] each.
    """
    graph = Graph()
    width = decoder.table.values.shape[1]
    kind = TYPES[kind_of(decoder)]
    hidden = graph.add("Cast", graph.takes("hidden", TYPES[told], ["texts", "length", width]), to=kind)
    room = graph.takes("room", _INTEGER, [1])
    missing = graph.add("Sub", room, graph.add("Gather", graph.add("Shape", hidden), graph.integers(1)))
    padding = graph.add("Concat", graph.integers(0, 0, 0, 0), missing, graph.integers(0), axis=0)
    rows = graph.reshaped(graph.add("Pad", hidden, padding), -1, width)
    texts = graph.add("Gather", graph.add("Shape", hidden), graph.integers(0))
    parts = [part for layer in decoder.layers for part in (layer.cross.key, layer.cross.value)]
    made = graph.linear(rows, joined(*parts))
    form = graph.add("Concat", texts, room, graph.integers(len(parts), heads, width // heads), axis=0)
    turned = graph.turned(graph.add("Reshape", made, form), 2, 0, 3, 1, 4)
    names = memories("cross", len(decoder.layers))
    split = graph.split("Split", turned, names=[""] * len(parts), axis=0, num_outputs=len(parts))
    for name, one in zip(names, split, strict=True):
        graph.add("Squeeze", one, graph.integers(0), name=name)
        graph.gives(name, kind, ["texts", heads, "room", width // heads])
    return graph.model()


def copies(count: int, kind: Kind, grown: bool) -> ModelProto:
    """Return the graph that reorders rows: `out.N` has the `rows` of `in.N`; with `grown`, `more` room for tokens
    too.
    """
    graph = Graph()
    rows = graph.takes("rows", _INTEGER, ["rows"])
    room = "room"
    if grown:
        padding = graph.add(
            "Concat", graph.integers(0, 0, 0, 0, 0, 0), graph.takes("more", _INTEGER, [1]), graph.integers(0), axis=0
        )
        room = "more_room"
    for number in range(count):
        given = graph.takes(f"in.{number}", TYPES[kind], ["given", "heads", "room", "width"])
        ordered = graph.add("Gather", given, rows, axis=0, name="" if grown else f"out.{number}")
        if grown:
            graph.add("Pad", ordered, padding, name=f"out.{number}")
        graph.gives(f"out.{number}", TYPES[kind], ["rows", "heads", room, "width"])
    return graph.model()


def zeros(kind: Kind) -> ModelProto:
    """Return the graph that makes zeros of a `shape` on the device, so that none are copied there."""
    graph = Graph()
    nothing = numpy_helper.from_array(np.zeros(1, kind))
    graph.add("ConstantOfShape", graph.takes("shape", _INTEGER, [4]), name="zeros", value=nothing)
    graph.gives("zeros", TYPES[kind], ["places", "heads", "room", "width"])
    return graph.model()


def memories(prefix: str, layers: int) -> list[str]:
    """Return the names of a memory's tensors: keys and values of each layer."""
    return [f"{prefix}.{layer}.{what}" for layer in range(layers) for what in ("key", "value")]


def kind_of(decoder: Decoder) -> Kind:
    """Return the decoder's floating-point type: half where its table is, else single."""
    half = decoder.table.values.dtype == np.float16
    return np.dtype(np.float16 if half else np.float32)
