"""Advances several windows of different lengths together through a decoder.

The cache has a column for each token that any of them was given; a window sees the columns of its own tokens, and of
those only the ones that it keeps. Nothing is moved within the cache, since tokens carry their places with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.asr.engines.moonshine.decoding import Logits
from services.asr.engines.moonshine.stepping import (
    HEAD_WIDTH,
    HEADS,
    HEARD,
    LOGITS,
    PLACES,
    TOKENS,
    VISIBLE,
    past,
    present,
)
from services.asr.engines.moonshine.tokenizer import BEGIN

Floats = NDArray[np.float32]

WIDTH = 288
_UNSEEN = np.float32(-1e30)  # added to the score of what may not be looked at


@dataclass(frozen=True, slots=True)
class Graphs:
    """A decoder's two graphs, with the names of their inputs."""

    crossing: Any  # from the encoder's frames to keys and values
    stepping: Any
    batches: Sequence[str]  # inputs that take the number of windows


class Cohort:
    """Windows that the decoder advances together, with their shared cache; implements Decoder."""

    def __init__(self, graphs: Graphs, windows: Sequence[Floats]) -> None:
        self._graphs = graphs
        self._feed = _crossed(graphs, windows)
        self._heard = _heard(windows)
        self._known = np.zeros(len(windows), np.int64)  # tokens of each window
        self._columns = np.zeros((len(windows), 0), np.bool_)  # of the cache, which each window sees
        self._given = 0  # columns of the last step

    def advance(self, tokens: Sequence[Sequence[int]]) -> Sequence[Logits]:
        """Run the decoder on each window's next tokens; return the logits [tokens, vocabulary] after each of them."""
        counts = np.array([len(each) for each in tokens])
        longest = int(counts.max())
        ids = np.full((len(tokens), longest), BEGIN, np.int64)
        for row, each in enumerate(tokens):
            ids[row, : len(each)] = each
        steps = np.arange(longest)
        own = np.broadcast_to(np.tri(longest, dtype=np.bool_), (len(tokens), longest, longest))
        before = np.broadcast_to(self._columns[:, None], (len(tokens), longest, self._columns.shape[1]))
        seen = np.concatenate((before, own), axis=2)[:, None]
        self._feed[TOKENS] = ids
        self._feed[PLACES] = self._known[:, None] + steps
        self._feed[VISIBLE] = np.where(seen, np.float32(0), _UNSEEN)
        self._feed[HEARD] = np.repeat(self._heard, longest, axis=2)
        logits, *cache = self._graphs.stepping.run([LOGITS, *present("decoder")], self._feed)
        self._feed.update(zip(past("decoder"), cache, strict=True))
        self._given = longest
        return [each[:count] for each, count in zip(logits, counts, strict=True)]

    def keep(self, counts: Sequence[int]) -> None:
        """Keep only the first `counts` of each window's last tokens in the cache; the others are masked from now on."""
        kept = np.arange(self._given) < np.array(counts)[:, None]
        self._columns = np.concatenate((self._columns, kept), axis=1)
        self._known += kept.sum(axis=1)


def _crossed(graphs: Graphs, windows: Sequence[Floats]) -> dict[str, Any]:
    """Return the decoder's inputs before any token: keys and values of the encoder's frames, and an empty cache."""
    padded = np.zeros((len(windows), max(map(len, windows)), WIDTH), np.float32)
    for row, frames in enumerate(windows):
        padded[row, : len(frames)] = frames
    count = np.array(len(windows), np.int64)
    crossed = graphs.crossing.run(
        present("encoder"), {"encoder_hidden_states": padded, **dict.fromkeys(graphs.batches, count)}
    )
    feed: dict[str, Any] = dict(zip(past("encoder"), crossed, strict=True))
    feed |= {name: np.zeros((len(windows), HEADS, 0, HEAD_WIDTH), np.float32) for name in past("decoder")}
    return feed


def _heard(windows: Sequence[Floats]) -> Floats:
    """Return what is added to the scores of frames, [windows, 1, 1, frames]."""
    lengths = np.array([len(frames) for frames in windows])
    there = np.arange(lengths.max()) < lengths[:, None]
    return np.where(there, np.float32(0), _UNSEEN)[:, None, None]
