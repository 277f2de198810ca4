"""Changes the tempo of speech at the same pitch, for voices of one rate only, with ffmpeg's atempo filter."""

from __future__ import annotations

import av

from services.common.audio.filtering import chain, ready
from services.common.audio.pcm import Pcm


class Tempo:
    """Changes the tempo of mono speech by `rate`, 0.5 to 2.0, piece by piece.

    At the filter's end the last samples may be missing that it kept for what follows: `rest` gives them.
    """

    def __init__(self, rate: float, sample_rate_hertz: int) -> None:
        self._sample_rate_hertz = sample_rate_hertz
        self._graph = chain(sample_rate_hertz, ("atempo", f"{rate:g}")) if rate != 1.0 else None

    def convert(self, pcm: Pcm) -> bytes:
        """Add samples, and return what can be converted so far, as little-endian PCM."""
        if self._graph is None or not len(pcm):
            return pcm.tobytes()
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._sample_rate_hertz
        self._graph.push(frame)
        return b"".join(piece.tobytes() for piece in ready(self._graph))

    def rest(self) -> bytes:
        """Return what is left at the end, as little-endian PCM."""
        if self._graph is None:
            return b""
        self._graph.push(None)
        return b"".join(piece.tobytes() for piece in ready(self._graph))
