"""Gateways that share a store, all played."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.gateway.quotas.leases import Leases
from services.gateway.quotas.store import Answer, Away
from services.gateway.quotas.tally import Counted


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class PlayedStore:
    """What the gateways count in."""

    parts: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    gateways: set[str] = field(default_factory=set)
    away: bool = False
    settled: bool = True
    frozen: asyncio.Event | None = None  # until it is set, no question is answered


class PlayedShare:
    """A store as one gateway sees it."""

    def __init__(self, store: PlayedStore, name: str) -> None:
        self._store = store
        self._name = name

    async def ask(self, counts: Sequence[Counted], own: Sequence[int], amount: int) -> Answer:
        if self._store.frozen:
            await self._store.frozen.wait()
        if self._store.away:
            raise Away("away")
        self._store.gateways.add(self._name)
        granted = amount
        for each, part in zip(counts, own, strict=True):
            self._store.parts[each.key][self._name] = part
            granted = min(granted, each.line.limit - sum(self._store.parts[each.key].values()))
        granted = max(0, granted)
        for each in counts:
            self._store.parts[each.key][self._name] += granted
        totals = tuple(sum(self._store.parts[each.key].values()) for each in counts)
        return Answer(granted, len(self._store.gateways), self._store.settled, totals)

    async def close(self) -> None:
        return None


async def gateways(store: PlayedStore, clock: Clock, count: int = 2) -> list[Leases]:
    """So many gateways that have found the store."""
    found = [Leases(PlayedShare(store, f"gateway {number}"), clock) for number in range(count)]
    for _ in range(2):
        for each in found:
            await each.keep([])
    return found
