"""Streaming conversion between sampling rates. Pure."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.filter import Graph

from services.common.audio.filtering import chain, ready
from services.common.audio.pcm import Pcm

# A filter of 128 samples of the lower rate: half of them are waited for, 8 ms at 8 kHz. It passes 96 % of the band, up
# to 3.8 of 4 kHz, and Kaiser's window keeps aliases below 16 bits. Common rates divide into fewer phases than the 256
# that are computed; of others it interpolates between them.
_FILTER = "filter_size=128:cutoff=0.96:filter_type=kaiser:kaiser_beta=8:phase_shift=8:exact_rational=1:linear_interp=1"
_FEWEST = 4096  # samples that go through any filter to its end; of fewer FFmpeg's resampler gives nothing back
_NOTHING: Pcm = np.zeros(0, dtype=np.int16)


class Resampler:
    """Streaming conversion between sampling rates: one filter for all chunks, so no seams between them.

    What comes out is as late as half the filter is long, always: FFmpeg's resampler works sample by sample, where
    others collect blocks.
    """

    def __init__(self, from_hertz: int, to_hertz: int) -> None:
        self._hertz = (from_hertz, to_hertz)
        filters = ("aresample", f"{to_hertz}:{_FILTER}"), ("aformat", "sample_fmts=s16")
        self._graph = chain(from_hertz, *filters) if from_hertz != to_hertz else None
        self._taken = 0  # samples, so far
        self._given = 0  # likewise, at the other rate

    def convert(self, pcm: Pcm, last: bool = False) -> Pcm:
        """Add samples, and return those converted so far; with `last`, all that are left."""
        if self._graph is None:
            return pcm
        self._push(self._graph, pcm)
        self._taken += len(pcm)
        if last:
            missing = max(0, _FEWEST - self._taken)
            self._push(self._graph, np.zeros(missing, dtype=np.int16))
            self._graph.push(None)
        converted = np.concatenate([_NOTHING, *ready(self._graph)])
        from_hertz, to_hertz = self._hertz
        converted = converted[: -(-self._taken * to_hertz // from_hertz) - self._given]
        self._given += len(converted)
        return converted

    def _push(self, graph: Graph, pcm: Pcm) -> None:
        if not len(pcm):
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self._hertz[0], self._taken, Fraction(1, self._hertz[0])
        graph.push(frame)
