"""Advances several windows of different lengths together through a decoder.

The cache has a column for each token that any of them was given; a window sees the columns of its own tokens, and of
those only the ones that it keeps. Nothing is moved within the cache, since tokens carry their places with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.asr.engines.moonshine.decoding import Logits
from services.asr.engines.moonshine.tokenizer import BEGIN

Floats = NDArray[np.float32]

LAYERS, WIDTH = 6, 288
_HEADS, _HEAD_WIDTH = 8, 36
_KINDS = ("key", "value")


def past(of: str) -> list[str]:
    """Return the names of a graph's inputs for keys and values of the "decoder" or the "encoder"."""
    return [f"past_key_values.{layer}.{of}.{kind}" for layer in range(LAYERS) for kind in _KINDS]


def present(of: str) -> list[str]:
    """Return the names of a graph's outputs for keys and values of the "decoder" or the "encoder"."""
    return [f"present.{layer}.{of}.{kind}" for layer in range(LAYERS) for kind in _KINDS]


@dataclass(frozen=True, slots=True)
class Graphs:
    """A decoder's two graphs, with the names of their inputs."""

    crossing: Any  # from the encoder's frames to keys and values
    stepping: Any
    names: Mapping[str, str]  # of `positions`, `visible` and `frames`
    batches: Sequence[str]  # inputs that take the number of windows


class Cohort:
    """Windows that the decoder advances together, with their shared cache; implements Decoder."""

    def __init__(self, graphs: Graphs, windows: Sequence[Floats]) -> None:
        self._graphs = graphs
        self._feed = _crossed(graphs, windows)
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
        names = self._graphs.names
        self._feed["input_ids"] = ids
        self._feed[names["positions"]] = self._known[:, None] + steps
        self._feed[names["visible"]] = np.concatenate((before, own), axis=2)[:, None]
        logits, *cache = self._graphs.stepping.run(["logits", *present("decoder")], self._feed)
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
    lengths = np.array([len(frames) for frames in windows])
    padded = np.zeros((len(windows), int(lengths.max()), WIDTH), np.float32)
    for row, frames in enumerate(windows):
        padded[row, : len(frames)] = frames
    count = np.array(len(windows), np.int64)
    crossed = graphs.crossing.run(
        present("encoder"), {"encoder_hidden_states": padded, **dict.fromkeys(graphs.batches, count)}
    )
    feed: dict[str, Any] = dict(zip(past("encoder"), crossed, strict=True))
    feed |= {name: np.zeros((len(windows), _HEADS, 0, _HEAD_WIDTH), np.float32) for name in past("decoder")}
    feed[graphs.names["frames"]] = (np.arange(padded.shape[1]) < lengths[:, None]).astype(np.int64)
    return feed
