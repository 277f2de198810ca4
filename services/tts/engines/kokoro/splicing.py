"""Joins the samples of windows that were decoded one after the other. Pure.

What a window makes of its first and last frames is not what its neighbour makes of them: the sines of its voice begin
anew, at another phase. Windows overlap, so the next one is shifted by less than half a period to where both are most
alike, and faded in while the one before is faded out.
"""

from __future__ import annotations

import numpy as np

from services.tts.neural.running import Floats


class Splicer:
    """Joins the samples of consecutive windows into seamless speech of the same length."""

    def __init__(self, fade: int, most_shift: int) -> None:
        """Begin with cross-fades of `fade` samples, and windows shifted by at most `most_shift` samples."""
        self._fade, self._most = fade, most_shift
        rising = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
        self._rising, self._falling = rising, 1 - rising
        self._tail: Floats = np.zeros(0, np.float32)  # what the last window has behind its end

    @property
    def beside(self) -> int:
        """Number of samples that a window needs beyond either end of what is kept of it."""
        return self._fade + 2 * self._most

    def joined(self, samples: Floats, first: int, last: int) -> Floats:
        """Return the speech that a window adds: its samples `first` to `last`, joined to the window before.

        Beside them are at least `beside` samples, or none where the speech begins or ends.
        """
        shift = self._shift(samples, first) if len(self._tail) and first >= self.beside else 0
        made = samples[first + shift : last + shift].copy()
        if lacking := last - first - len(made):  # at the end, where it is silent
            made = np.concatenate((made, np.zeros(lacking, np.float32)))
        fade = min(len(self._tail), len(made))
        made[:fade] = self._tail[:fade] * self._falling[:fade] + made[:fade] * self._rising[:fade]
        self._tail = samples[last + shift : last + shift + self._fade].copy()
        return made

    def _shift(self, samples: Floats, first: int) -> int:
        """Return the shift, between -most and most samples, at which the window best continues the tail."""
        tail = self._tail
        searched = samples[first - self._most : first + self._most + len(tail)]
        if len(searched) < len(tail):
            return 0
        places = np.lib.stride_tricks.sliding_window_view(searched, len(tail))
        norms = np.sqrt((places**2).sum(axis=1)) + 1e-6
        return int(np.argmax(places @ tail / norms)) - self._most
