"""What the sessions of one tenant draw from together, of one dimension: leased in small amounts, ahead of its use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.gateway.quotas.classes import AUDIO, MINUTE_MS, VOICE, Lines
from services.gateway.quotas.leases import Lease, Leases
from services.gateway.quotas.tally import Counted, counted

_PARTS = 50  # a lease is at most such a part of the least limit
_MOST = {AUDIO: MINUTE_MS // 2, VOICE: MINUTE_MS // 2}
_MOST_CHARACTERS = 2_000
_NOTICE_PARTS = 10  # sessions are told when only such a part is left


@dataclass(frozen=True, slots=True)
class Ending:
    """The limit that is about to be used up, or is."""

    count: Counted
    over: bool  # whether nothing is left


class Purse:
    """The balance of a tenant on this gateway. Its sessions call `spend`, and who looks after them `fill`."""

    def __init__(
        self, tenant: str, lines: Lines, now: Callable[[], float], low: Callable[[], None] = lambda: None
    ) -> None:
        """`low` is called where more was used than was leased: it wakes who fills the purse."""
        self._low = low
        self.ending: Ending | None = None
        self._tenant = tenant
        self._lines = lines
        self._now = now
        self._balance = 0  # leased and not used
        self._counts: list[Counted] = counted(tenant, lines, now())  # that the balance is of

    @property
    def counts(self) -> list[Counted]:
        """The counts that the balance is of."""
        return self._counts

    def spend(self, amount: int) -> None:
        """Take from what was leased; it may fall below zero, and then the next lease pays for it."""
        self._balance -= amount
        if self._balance < 0:
            self._low()

    async def fill(self, leases: Leases, sessions: int, tick: int) -> None:
        """Lease more where little is left, for so many sessions; each may use `tick` until the next call.

        Sets `ending` where a limit is near its end.
        """
        self._roll(leases)
        part = self._part
        if self._balance >= part + sessions * tick:
            return
        lease = await leases.take(self._counts, 2 * part + sessions * tick - self._balance)
        self._balance += lease.granted
        self.ending = self._ends(lease, sessions * tick)

    def empty(self, leases: Leases) -> None:
        """Give back what was not used."""
        balance, self._balance = self._balance, 0
        leases.give(self._counts, balance)

    def _roll(self, leases: Leases) -> None:
        """In a new window, start with nothing: what is left of the one before goes back to the longer ones."""
        fresh = counted(self._tenant, self._lines, self._now())
        if [each.key for each in fresh] != [each.key for each in self._counts]:
            balance, self._balance = self._balance, 0
            going_on = {each.key for each in fresh}
            leases.give([each for each in self._counts if each.key in going_on], balance)
            self._counts, self.ending = fresh, None

    @property
    def _part(self) -> int:
        least = min(each.limit for each in self._lines)
        return max(1, min(least // _PARTS, _MOST.get(self._lines[0].dimension, _MOST_CHARACTERS)))

    def _ends(self, lease: Lease, reserve: int) -> Ending | None:
        tightest = lease.tightest
        if tightest is None:
            return None
        if self._balance <= reserve:
            return Ending(tightest, over=True)
        return Ending(tightest, over=False) if lease.left <= tightest.line.limit // _NOTICE_PARTS else None
