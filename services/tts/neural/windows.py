"""Cuts a latent into windows that are decoded one after the other. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a latent: frames `start` to `stop` are decoded, and samples of frames `first` to `last` kept."""

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Cutting:
    """Rules for cutting latents into windows, in frames."""

    reach: int  # frames on either side that samples depend on
    first: int  # frames kept of the first window: the first sound waits for them
    most: int  # frames kept of a window; each is up to twice the one before, which is heard while it is made
    even: bool  # whether a last, shorter window is lengthened to the length of others, to be decoded together with them

    def windows(self, frames: int) -> Iterator[Window]:
        """Yield the windows of a latent of so many frames.

        What is kept has `reach` frames beside it, or an end of the latent, so its samples are those of the whole.
        """
        kept, size = 0, self.first
        while kept < frames:
            last = min(kept + size, frames)
            start, stop = max(0, kept - self.reach), min(last + self.reach, frames)
            if self.even and kept:
                start = max(0, min(start, stop - size - 2 * self.reach))
            yield Window(start, stop, kept, last)
            kept, size = last, min(2 * size, max(self.first, self.most))
