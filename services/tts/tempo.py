"""Faster or slower speech of the same pitch, for voices that have one rate only: ffmpeg's atempo filter."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av.filter import Graph

from services.common.audio import Pcm


class Tempo:
    """Takes speech piece by piece, mono, and gives what `rate` times the tempo makes of it; 0.5 to 2.0.

    At the filter's end the last samples may be missing that it kept for what follows: `rest` gives them.
    """

    def __init__(self, rate: float, sample_rate_hertz: int) -> None:
        self._sample_rate_hertz = sample_rate_hertz
        self._graph: Graph | None = None
        if rate != 1.0:
            self._graph = Graph()
            source = self._graph.add_abuffer(sample_rate=sample_rate_hertz, format="s16", layout="mono")
            tempo = self._graph.add("atempo", f"{rate:g}")
            self._graph.link_nodes(source, tempo, self._graph.add("abuffersink")).configure()

    def convert(self, pcm: Pcm) -> bytes:
        """What can be made of the speech so far, as little-endian PCM."""
        if self._graph is None or not len(pcm):
            return pcm.tobytes()
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._sample_rate_hertz
        self._graph.push(frame)
        return b"".join(self._made(self._graph))

    def rest(self) -> bytes:
        """What is left at the end."""
        if self._graph is None:
            return b""
        self._graph.push(None)
        return b"".join(self._made(self._graph))

    def _made(self, graph: Graph) -> Iterator[bytes]:
        while True:
            try:
                frame = graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(frame, av.AudioFrame)
            yield frame.to_ndarray().tobytes()
