"""Which ids a translation may hold, by the ids of its source: the lexical shortlist that comes with a model.

The file (Marian's binary shortlist), little-endian: six u64 (a magic number, a checksum of what follows the two, how
many frequent ids are in every list, how many there are at most for each id of a source, the number of offsets, the
number of ids in all lists), then the offsets, u64, and the lists, u32, one behind the other.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from services.mt.engines.firefox.marian_file import Malformed
from services.mt.engines.firefox.table import merged
from services.mt.neural.weights import Array

_MAGIC = 0xF11A48D5013417F5
_FREQUENT = 500  # ids, the most frequent ones, that every list has: with 50, as Marian has it, more is lost
_HEADER = struct.Struct("<6Q")


class Shortlist:
    """A model's lexical shortlist. Raises Malformed for another kind of file, or one for a different vocabulary."""

    def __init__(self, content: bytes, ids: int) -> None:
        if len(content) < _HEADER.size:
            raise Malformed("it is cut short")
        magic, _, frequent, _, offsets, listed = _HEADER.unpack_from(content)
        if magic != _MAGIC:
            raise Malformed("it does not begin as Marian's binary shortlists do")
        if _HEADER.size + 8 * offsets + 4 * listed != len(content):
            raise Malformed(f"it has {len(content)} bytes, which its header does not account for")
        self._offsets = np.frombuffer(content, "<u8", offsets, _HEADER.size).astype(np.int64)
        self._lists = np.frombuffer(content, "<u4", listed, _HEADER.size + 8 * offsets)
        self._frequent = np.arange(min(max(_FREQUENT, frequent), ids))
        self._ids = ids
        if offsets != ids + 1 or frequent > ids or (listed and self._lists.max() >= ids):
            raise Malformed(f"it is for other ids than the model's {ids}")
        if self._offsets[-1] > listed or (np.diff(self._offsets) < 0).any():
            raise Malformed("its lists do not follow each other")

    def candidates(self, source: Sequence[int]) -> Array:
        """Return the ids that may translate a source, in ascending order."""
        lists = [self._lists[self._offsets[each] : self._offsets[each + 1]] for each in set(source)]
        return merged([self._frequent, *lists], self._ids)
