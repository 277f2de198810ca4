"""Chains of FFmpeg's filters that mono speech goes through piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from av.filter import Graph

from services.common.audio.pcm import Pcm


def chain(sample_rate_hertz: int, *filters: tuple[str, str]) -> Graph:
    """Return a graph that passes 16-bit mono frames of a rate through FFmpeg filters, each a name and its arguments."""
    graph = Graph()
    graph.threads = 1  # else it starts as many as there are processors, for filters that could use them
    source = graph.add_abuffer(sample_rate=sample_rate_hertz, format="s16", layout="mono")
    links = [graph.add(name, arguments) for name, arguments in filters]
    graph.link_nodes(source, *links, graph.add("abuffersink")).configure()
    return graph


def ready(graph: Graph) -> Iterator[Pcm]:
    """Yield the output that a graph has ready, in pieces of 16-bit samples."""
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, av.AudioFrame)
        yield frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)
