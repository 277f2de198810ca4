"""Joins the samples of windows that were decoded one after the other. Pure.

What a window makes of its first and last frames is not what its neighbour makes of them: the sines of its voice begin
anew, at another phase. Windows overlap, so the next one is shifted by less than half a period to where both are most
alike, and faded in while the one before is faded out.
"""

from __future__ import annotations

import numpy as np

from services.tts.onnx.network import Floats


class Splicer:
    """Takes the samples of windows in order, and gives the speech of as many samples."""

    def __init__(self, fade: int, most_shift: int) -> None:
        """Fade over so many samples, and shift a window by at most so many."""
        self._fade, self._most = fade, most_shift
        rising = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
        self._rising, self._falling = rising, 1 - rising
        self._tail: Floats = np.zeros(0, np.float32)  # what the last window has behind its end
        self._owed = 0  # samples that shifts have added to the speech so far, or taken from it

    @property
    def beside(self) -> int:
        """Samples that a window needs on either side of what is kept of it."""
        return self._fade + self._most

    def joined(self, samples: Floats, first: int, last: int) -> Floats:
        """What a window adds to the speech: samples `first` to `last` of it, joined to the window before.

        Behind `last` are at least `beside` samples, or none where the speech ends.
        """
        tail = self._tail
        self._tail = samples[last : last + self._fade].copy()
        if not len(tail) or first < self.beside or last - first < self.beside:
            return samples[first:last]
        shift = self._shift(tail, samples, first)
        made = samples[first + shift : last].copy()
        made[: self._fade] = tail * self._falling + made[: self._fade] * self._rising
        return made

    def _shift(self, tail: Floats, samples: Floats, first: int) -> int:
        """Where the window goes on most like the tail: to be shifted by -most to most."""
        searched = samples[first - self._most : first + self._most + len(tail)]
        places = np.lib.stride_tricks.sliding_window_view(searched, len(tail))
        norms = np.sqrt((places**2).sum(axis=1)) + 1e-6
        return int(np.argmax(places @ tail / norms)) - self._most
