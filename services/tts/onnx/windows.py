"""Cuts a latent into windows that are decoded one after the other. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Frames `start` to `stop` of a latent are decoded, and the samples of `first` to `last` of them kept."""

    start: int
    stop: int
    first: int
    last: int


def windows(frames: int, reach: int, first: int, others: int) -> Iterator[Window]:
    """Windows that keep `first` frames, then `others` each, and the rest.

    What is kept has `reach` frames beside it, or an end of the latent, so its samples are those of the whole. All but
    the first and those of a short latent have the same length: such are decoded together, whoever they are of.
    """
    kept = min(first, frames)
    yield Window(0, min(kept + reach, frames), 0, kept)
    length = others + 2 * reach
    while kept < frames:
        last = min(kept + others, frames)
        stop = min(last + reach, frames)
        yield Window(max(0, min(kept - reach, stop - length)), stop, kept, last)
        kept = last
