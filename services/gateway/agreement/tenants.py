"""The slots of this gateway, shared out among tenants; and how often each of them may call."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.common.errors import AtCapacity
from services.common.rates import Allowance, Rate
from services.common.retrying import jittered
from services.common.server.slots import Slots
from services.common.telemetry import rpcs
from services.gateway.agreement.callers import Caller
from services.gateway.agreement.shares import Claim, FairShares, Verdict
from services.gateway.quotas.quotas import Ration
from services.gateway.settings import GatewaySettings

ACTIVE_SECONDS = 10.0  # a tenant that has asked within this time counts among those who share
BURST_SECONDS = 2.0  # of calls at the permitted rate may come at once
LATE_SECONDS = 0.5  # a call beyond the rate waits no longer
LATEST_SECONDS = 2.0  # before a refusal of a tenant that has many calls refused at once
REFUSALS_PER_SECOND = 16  # of one tenant that has its share; more have to wait for their turn
_MOST_LATE = 1000  # calls that wait; more are refused at once
FEW = 8  # a tenant that has one slot in so many is moved for nobody
_REMEMBERED = 10_000  # tenants, about 3 MB
_RETRY_MS = 500
WAITING_SECONDS = 1.5  # a tenant that was behind and refused is waited for; it was told to come back in half of it
TOO_MANY_CALLS = "TOO_MANY_CALLS"


class Place:
    """A slot that a tenant holds. `wanted` is set when it is to give it back: others have less."""

    def __init__(self) -> None:
        self.wanted = asyncio.Event()
        self.ration = Ration()  # what its session draws from


class Tenants:
    """Counts what each tenant holds and asks for, and decides by `FairShares`. What it remembers is bounded."""

    def __init__(self, slots: Slots, settings: GatewaySettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = slots
        self._shares = FairShares(settings.headroom, settings.tenant_slots)
        self._gives_back = settings.tells_tenants  # an address may be that of a proxy, or of a whole office
        self._held: dict[str, list[Place]] = {}
        self._demand = _Demand(clock)
        self._calls = _Calls(Rate(settings.calls_per_second, BURST_SECONDS * settings.calls_per_second), clock)

    async def called(self, caller: Caller, kind: str) -> None:
        """Count one more call of a kind of a tenant, which may have to wait a little. Raises AtCapacity, not at once,
        where it calls too often. Kinds do not stand in each other's way: neighbours may share an address.
        """
        await self._calls.called(f"{kind} {caller.account}")

    async def require_share(self, caller: Caller) -> None:
        """Raises AtCapacity where a tenant has its share and others want the slots that are left.

        It asks before the hello is read, and is told late, by LATE_SECONDS to LATEST_SECONDS: a tenant that wants
        everything asks without end, and each refusal takes as much of the processor as a line of another's session.
        """
        if self._gives_back and self._over(caller.account):
            await self._calls.refusal_due(caller.account)
            if claim := self._over(caller.account):
                raise self._refusal(Verdict.SHARE_USED, claim.held)

    def _over(self, account: str) -> Claim | None:
        """The claim of a tenant that gets no slot for what it has already."""
        claim = self._claim(account, resumed=False)
        alone = claim.tenants < 2 or self._shares.behind(claim)
        return None if alone or self._shares.verdict(claim) is Verdict.ADMITTED else claim

    def require_room(self, caller: Caller, resumed: bool = False) -> None:
        """Raises AtCapacity where the caller would get no slot now.

        Where one that is behind gets none, or takes from the head-room, the tenant that holds the most is to give way.
        """
        account = caller.account
        self._demand.asked.add(account)
        claim = self._claim(account, resumed)
        verdict = self._shares.verdict(claim)
        if verdict is Verdict.ADMITTED:
            self._demand.waiting.forget(account)
            self._want_back(claim, claim.waiting + self._shares.headroom - (claim.total - claim.used - 1))
            return
        if verdict is Verdict.FULL and self._shares.behind(claim):
            self._demand.waiting.add(account)
            self._want_back(claim, claim.waiting + 1)
        raise self._refusal(verdict, claim.held)

    @contextmanager
    def taken(self, caller: Caller, resumed: bool = False) -> Iterator[Place]:
        """Holds a slot for the block, with `resumed` one of the reserve if need be. Raises AtCapacity without one."""
        self.require_room(caller, resumed)
        place, account = Place(), caller.account
        with self._slots.taken(resumed):
            self._held.setdefault(account, []).append(place)
            try:
                yield place
            finally:
                self._held[account].remove(place)
                if not self._held[account]:
                    del self._held[account]

    def _claim(self, account: str, resumed: bool) -> Claim:
        total = self._slots.open_to(resumed)
        return Claim(
            total,
            self._slots.used,
            held=len(self._held.get(account, ())),
            tenants=len(self._demand.asked) + sum(each not in self._demand.asked for each in self._held),
            reserved=total - self._slots.open_to(resumed=False),
            waiting=len(self._demand.waiting) - (account in self._demand.waiting),
            most=max((len(held) for each, held in self._held.items() if each != account), default=0),
        )

    def _want_back(self, claim: Claim, missing: int) -> None:
        """Ask the tenant with the most slots to give back its newest, unless enough come back already.

        One that holds no more than its share, or few of all slots, or twice what the other would then have, is left
        alone: to move a session has its price.
        """
        most = max(self._held.values(), key=len, default=[])
        coming = sum(place.wanted.is_set() for held in self._held.values() for place in held)
        if (
            not self._gives_back
            or coming >= missing
            or len(most) <= max(self._shares.share(claim), 2 * (claim.held + 1), claim.total // FEW)
        ):
            return
        staying = [place for place in most if not place.wanted.is_set()]
        if staying:
            staying[-1].wanted.set()

    def _refusal(self, verdict: Verdict, held: int) -> AtCapacity:
        match verdict:
            case Verdict.TENANT_LIMIT:
                return refused(verdict, f"You have {held} sessions at once, as many as this server lets one tenant.")
            case Verdict.SHARE_USED:
                return refused(verdict, f"You have {held} sessions at once, and others want the slots that are left.")
        return self._slots.full()


class _Demand:
    """The tenants that want slots: those that asked of late, and those refused while they were behind."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.asked = _Recent(ACTIVE_SECONDS, clock)
        self.waiting = _Recent(WAITING_SECONDS, clock)


class _Recent:
    """Names that were added within so many seconds; beyond a bound the oldest are forgotten."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._added: OrderedDict[str, float] = OrderedDict()

    def add(self, name: str) -> None:
        self._added[name] = self._clock()
        self._added.move_to_end(name)
        if len(self._added) > _REMEMBERED:
            self._added.popitem(last=False)

    def forget(self, name: str) -> None:
        self._added.pop(name, None)

    def __contains__(self, name: str) -> bool:
        return self._added.get(name, float("-inf")) > self._clock() - self._seconds

    def __len__(self) -> int:
        oldest = self._clock() - self._seconds
        while self._added and next(iter(self._added.values())) <= oldest:
            self._added.popitem(last=False)
        return len(self._added)


class _Calls:
    """What is left of each tenant's calls; those that asked least recently are forgotten beyond a bound."""

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._left: OrderedDict[str, Allowance] = OrderedDict()
        self._late: Counter[str] = Counter()  # callers that wait, by account

    async def called(self, account: str) -> None:
        """Spend a call, after a wait where there is none left. Raises AtCapacity where the wait would be long.

        Who is refused is told so late, unless many are: a caller in a loop would else only loop the faster.
        """
        wait = self._spent(account)
        if wait:
            await self._wait(account, min(wait, LATE_SECONDS))
        if wait > LATE_SECONDS:
            message = "You call more often than this server lets one client."
            raise refused(TOO_MANY_CALLS, message, max(_RETRY_MS, round(1000 * wait)))

    async def refusal_due(self, account: str) -> None:
        """Wait until one more caller of an account may be told that it has its share."""
        turn = (self._late[account] + 1) / REFUSALS_PER_SECOND
        await self._wait(account, min(LATEST_SECONDS, max(LATE_SECONDS, turn)))

    async def _wait(self, account: str, seconds: float) -> None:
        """Make a caller wait, unless many others wait already."""
        if self._late.total() >= _MOST_LATE:
            return
        self._late[account] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._late[account] -= 1
            if not self._late[account]:
                del self._late[account]

    def _spent(self, account: str) -> float:
        """The seconds to wait for a call. It is spent where they are few."""
        now = self._clock()
        left = self._left.setdefault(account, Allowance(self._rate, now))
        self._left.move_to_end(account)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        wait = left.wait(now)
        if wait <= LATE_SECONDS:
            left.spend(now)
        return wait


def refused(code: str, message: str, retry_after_ms: int = _RETRY_MS) -> AtCapacity:
    """The refusal of a tenant for what it does itself, counted."""
    rpcs.refused("gateway", code)
    return AtCapacity(code, message, retry_after_ms=jittered(retry_after_ms))
