"""A model's embedding table, which sources, translations and the last product share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from services.mt.engines.firefox.network import Network, positions
from services.mt.neural.weights import Array

MOST_POSITIONS = 1024  # of a source, and of a translation
_NEVER = np.float32(-1e9)  # added to the logit of a candidate that is none for a row


@dataclass(frozen=True, slots=True)
class Candidates:
    """The ids that the translations of some rows may hold, with their table rows and biases."""

    ids: Array  # [ids], ascending
    rows: Array  # [ids, width], what they look up, as numbers or as the integers that the table has
    bias: Array  # [rows or 1, ids], added to their logits

    def kept(self, rows: Sequence[int]) -> Candidates:
        """Return the candidates of the selected rows."""
        return self if len(self.bias) == 1 else replace(self, bias=self.bias[rows])


class Table:
    """A copy of a network's table as stored (integers or floats), so that the network's weights can be dropped."""

    def __init__(self, network: Network, by_integers: bool = False) -> None:
        """Copy the table; with `by_integers` candidates are also returned as the stored integers."""
        self._by_integers = by_integers
        start = np.zeros((1, network.width), network.table.values.dtype)  # a translation starts with zeros
        self._values = np.concatenate([network.table.values, start])
        self._scale = np.float32(1.0 if network.table.scale is None else network.table.scale)
        self._bias = np.array(network.bias, np.float32)
        self._factor = np.float32(network.scale) * self._scale
        self._positions = positions(MOST_POSITIONS, network.width)

    def placed(self, ids: Array) -> Array:
        """Return the embeddings of ids [rows, tokens] plus their positions, [rows, tokens, width]."""
        return np.asarray(self._values[ids] * self._factor + self._positions[: ids.shape[1]])

    def candidates(self, lists: Sequence[Array]) -> Candidates:
        """Return candidates for rows: the ids that are in any of the lists, each row limited to its own list."""
        ids = merged(lists, len(self._bias))
        places = np.zeros(len(self._bias), np.int64)
        places[ids] = np.arange(len(ids))
        bias = np.full((len(lists), len(ids)), _NEVER, np.float32)
        for row, own in zip(bias, lists, strict=True):
            row[places[own]] = self._bias[own]
        return Candidates(ids, self._looked_up(ids), bias)

    @cached_property
    def every(self) -> Candidates:
        """All ids as candidates, the same for every row."""
        ids = np.arange(len(self._bias))
        return Candidates(ids, self._looked_up(ids), self._bias[None])

    def _looked_up(self, ids: Array) -> Array:
        rows = self._values[ids]
        if self._by_integers:
            return rows
        rows = rows.astype(np.float32)
        rows *= self._scale  # in place: there are megabytes
        return rows


def merged(lists: Sequence[Array], count: int) -> Array:
    """Return the numbers below `count` that are in any of the lists, in ascending order."""
    found = np.zeros(count, bool)
    for each in lists:
        found[each] = True
    return found.nonzero()[0]
