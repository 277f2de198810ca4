"""Moonshine's graphs on ONNX Runtime: an encoder of audio, and a decoder that advances several windows at once.

The makers' decoder cannot be batched as it is: it takes each window to have as many tokens as the others. So its branch
with a cache is written anew (`stepping`), and is given places and masks instead of making them of the cache's length.
Its weights are the makers', and so is what it computes, but that its 8-bit products scale each row by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.asr.engines.moonshine import ort_format
from services.asr.engines.moonshine.cohort import WIDTH, Cohort, Graphs
from services.asr.engines.moonshine.decoding import Decoder
from services.asr.engines.moonshine.encoding import FRAMES, SAMPLES, encoding
from services.asr.engines.moonshine.ort_format import Cut, Graph, floats, integers
from services.asr.engines.moonshine.row_wise import row_wise
from services.asr.engines.moonshine.signed import signed
from services.asr.engines.moonshine.signed_rows import signed_rows
from services.asr.engines.moonshine.stepping import LAYERS, present, stepping
from services.common.neural import devices
from services.common.neural.bundles import Bundle, fault
from services.common.neural.devices import Device
from services.common.neural.exactness import exact

Floats = NDArray[np.float32]

LEAST_SAMPLES = 1_600  # of a window: the encoder's convolutions need a few hundred
_BATCH = "/model/decoder/layers.{}/encoder_attn/Gather_output_0"  # in the graph of what it takes from the frames


class Network:
    """A bundle's encoder and decoder graphs. Used by one thread only."""

    def __init__(self, bundle: Bundle, device: Device) -> None:
        """Load the graphs. Raises InvalidArgument when a file is no graph, or not the one that the layout asks for."""
        path = bundle.file("encoder_model.ort")
        with _makers_export(path):
            self._encoder = devices.session(_encoding(ort_format.read(path)), device, arena=False)
        path = bundle.file("decoder_model_merged.ort")
        graph = ort_format.read(path)
        if graph.branches.keys() != {"then_branch", "else_branch"}:
            raise fault(bundle.folder, f"{path.name} has no branches with and without a cache.")
        with _makers_export(path):
            step = devices.session(_stepping(graph), device, arena=False)
        self._graphs = Graphs(
            devices.session(_crossing(graph), device, arena=False),
            step,
            [_BATCH.format(layer) for layer in range(LAYERS)],
        )

    def encoded(self, audio: Floats) -> Floats:
        """Encode a window of samples between -1 and 1 into frames [frames, WIDTH]."""
        missing = max(0, LEAST_SAMPLES - len(audio))
        samples = np.pad(audio, (0, missing))[None]
        (frames,) = self._encoder.run([FRAMES], {SAMPLES: samples})
        return np.asarray(frames[0])

    def listening(self, windows: Sequence[Floats]) -> Decoder:
        """Return a decoder over the frames of several windows, which may differ in length."""
        return Cohort(self._graphs, windows)


@contextmanager
def _makers_export(path: Path) -> Iterator[None]:
    """Report an operator that a file lacks as InvalidArgument: the file is another than the makers' export."""
    try:
        yield
    except KeyError as missing:
        raise fault(path.parent, f"{path.name} has no operator {missing}.") from missing


def _encoding(graph: Graph) -> bytes:
    """Return the ONNX graph of the encoder."""
    return ort_format.part(*encoding(signed(graph) if exact() else graph))


def _crossing(graph: Graph) -> bytes:
    """Return the ONNX graph that makes the decoder's keys and values from the encoder's frames."""
    first = graph.branches["else_branch"]
    whole = Graph([*graph.nodes, *first.nodes], [*graph.weights, *first.weights], graph.opsets, {})
    batch = [integers(_BATCH.format(layer)) for layer in range(LAYERS)]
    inputs = [floats("encoder_hidden_states", "batch", "frames", WIDTH), *batch]
    return ort_format.part(_quick(row_wise(whole)), Cut(inputs, present("encoder")))


def _stepping(graph: Graph) -> bytes:
    """Return the ONNX graph of the decoder's steps, in which windows may have different lengths."""
    steps, cut = stepping(row_wise(graph.branches["then_branch"]))
    return ort_format.part(_quick(steps), cut)


def _quick(graph: Graph) -> Graph:
    """Return a graph with the quickest products of rows that are exact here."""
    return signed_rows(graph) if exact() else graph
