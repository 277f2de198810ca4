"""Leases of what tenants may have: asked of the store that gateways share; alone or cut off from it, granted here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.gateway.quotas.store import Answer, Away, Store
from services.gateway.quotas.tally import Counted, Tally

log = logging.getLogger(__name__)

_AT_ONCE = 200  # counts in one question
_KEEP_SECONDS = 1.0  # after which what others had is heard again


@dataclass(frozen=True, slots=True)
class Lease:
    """What was granted, and of the limit that allows least: what is left of it."""

    granted: int
    tightest: Counted | None = None
    left: int = 0


class Leases:
    """One gateway's leases. Questions go to the store one after the other."""

    def __init__(self, store: Store | None, now: Callable[[], float]) -> None:
        self.tally = Tally()
        self._store = store
        self._now = now
        self._asking = asyncio.Lock()
        self._changed: dict[str, Counted] = {}  # given back, and not told yet
        self._kept_at = 0.0
        if store is None:
            self.tally.gateways = 1
        else:
            self.tally.cut_off = now()  # until the store has answered

    @property
    def cut_off(self) -> bool:
        """Whether there is a store, and it cannot be asked."""
        return self.tally.cut_off is not None

    async def take(self, counts: Sequence[Counted], amount: int, whole: bool = False) -> Lease:
        """Lease at most an amount of all of these limits; with `whole` all of it or nothing."""
        if not counts:
            return Lease(amount)
        granted = None
        if self._asks(counts):
            async with self._asking:
                granted = await self._asked(counts, amount)
        if granted is None:
            granted = max(0, min(amount, *(self.tally.left(each) for each in counts)))
            self.tally.add(counts, granted)
        tightest = min(counts, key=self.tally.left)
        if whole and granted < amount:
            self.give(counts, granted)
            granted = 0
        return Lease(granted, tightest, max(0, self.tally.left(tightest)))

    async def _asked(self, counts: Sequence[Counted], amount: int) -> int | None:
        """Lease of the store. None where this gateway has to find the answer: others may have waited before this."""
        answer = await self._ask(counts, amount) if self._asks(counts) else None
        if answer is None:
            return None
        self.tally.add(counts, answer.granted)
        self._heard(counts, answer)
        return answer.granted

    def _asks(self, counts: Sequence[Counted]) -> bool:
        """Return whether the store is to be asked; else this gateway knows the answer, or has to find one."""
        if self._store is None or self.cut_off:
            return False
        return not any(self.tally.used_up(each, self._now()) for each in counts)

    def give(self, counts: Sequence[Counted], amount: int) -> None:
        """Give back what was not used; a negative amount is what was used beyond. The store is told by `keep`."""
        self.tally.add(counts, -amount)
        if self._store is not None:
            self._changed.update({each.key: each for each in counts})

    async def keep(self, counts: Sequence[Counted]) -> None:
        """Tell the store what was given back; once a second, hear of the counts in use. Find it where it was away."""
        now = self._now()
        if self._store is None or self.cut_off or now >= self._kept_at + _KEEP_SECONDS:
            self._kept_at = now
            self.tally.forget(now)
        else:
            counts = ()
        if self._store is not None:
            async with self._asking:
                await (self._return() if self.cut_off else self._tell(counts))

    async def close(self) -> None:
        """Close the connections to the store."""
        if self._store is not None:
            await self._store.close()

    async def _tell(self, counts: Sequence[Counted]) -> bool:
        """Tell this gateway's parts of the counts, and of those that changed, and hear all. False when away."""
        told = {**self._changed, **{each.key: each for each in counts}}
        self._changed.clear()
        each_of = list(told.values())
        for first in range(0, len(each_of), _AT_ONCE):
            some = each_of[first : first + _AT_ONCE]
            answer = await self._ask(some, 0)
            if answer is None:
                return False
            self._heard(some, answer)
        return True

    async def _return(self) -> None:
        """Tell a store that was away all parts; ask it again once it has heard those of the others as well."""
        parts = self.tally.parts()
        settled = True
        for first in range(0, max(1, len(parts)), _AT_ONCE):
            answer = await self._ask(parts[first : first + _AT_ONCE], 0)
            settled = settled and answer is not None and answer.settled
        if settled:
            self.tally.cut_off = None
            if await self._tell(parts):
                log.info("quotas shared")

    async def _ask(self, counts: Sequence[Counted], amount: int) -> Answer | None:
        """Ask the store. None where it cannot be asked."""
        assert self._store is not None
        try:
            answer = await self._store.ask(counts, [self.tally.own(each) for each in counts], amount)
        except Away as error:
            if not self.cut_off:
                self.tally.cut_off = self._now()
                log.warning("quotas not shared, the store is away", extra={"fields": {"error": str(error)}})
            return None
        if answer.settled:
            self.tally.gateways = answer.gateways
        return answer

    def _heard(self, counts: Sequence[Counted], answer: Answer) -> None:
        for each, total in zip(counts, answer.totals, strict=True):
            self.tally.heard(each, total, self._now())
