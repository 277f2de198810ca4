"""Arranges rows of token ids of different lengths as one array. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from services.mt.neural.weights import Array

_ALIKE = 1.25  # times as long as the shortest of its group a row may be


def alike(rows: Sequence[Sequence[int]]) -> Iterator[Sequence[Sequence[int]]]:
    """Yield rows in groups, in order, none much longer than the first of its group, so that little is padded."""
    begins = 0
    for place, row in enumerate(rows):
        if len(row) > _ALIKE * len(rows[begins]) + 1:
            yield rows[begins:place]
            begins = place
    yield rows[begins:]


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[Array, Array]:
    """Return rows of ids as a padded array, and each row's length."""
    lengths = np.array([len(row) for row in rows], np.int64)
    ids = np.full((len(rows), int(lengths.max())), pad, np.int64)
    ids[np.arange(ids.shape[1]) < lengths[:, None]] = np.concatenate([np.asarray(row, np.int64) for row in rows])
    return ids, lengths
