"""Keeps what was used last, bounded in number and in age, so that nothing that somebody said stays for long. Pure."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Values by key. One that was not used for `seconds` is not found any more, and is dropped by `forget`."""

    def __init__(self, most: int, seconds: float = math.inf, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[K, tuple[V, float]] = OrderedDict()  # with when it was used last, the longest ago first

    def get(self, key: K) -> V | None:
        """Return a value, which counts as used; None where there is none, or only an old one."""
        self.forget()
        if key not in self._kept:
            return None
        value, _ = self._kept[key]
        self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep a value, and drop the one used longest ago where there are too many."""
        self._kept[key] = value, self._clock()
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self) -> float:
        """Drop what is too old; return after how many seconds there is more to drop: infinity where nothing is kept."""
        oldest = self._clock() - self._seconds
        while self._kept and (used := next(iter(self._kept.values()))[1]) <= oldest:
            self._kept.popitem(last=False)
        return used - oldest if self._kept else math.inf
