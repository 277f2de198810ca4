"""The quotas of all tenants on one gateway: who may open a session, what each uses, and whose session ends."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Never

from services.common.errors import InvalidArgument, MeshError, PermissionDenied
from services.common.telemetry import rpcs
from services.gateway.quotas import refusals
from services.gateway.quotas.classes import (
    AUDIO,
    CHARACTERS,
    SESSIONS,
    UNITS,
    VOICE,
    Classes,
    Lines,
    QuotasUnusable,
    lines_of,
    read_classes,
)
from services.gateway.quotas.leases import Leases
from services.gateway.quotas.purse import Ending, Purse
from services.gateway.quotas.store import Store
from services.gateway.quotas.tally import Counted, counted
from services.gateway.quotas.usage import Record, UsageLog, Used, count, label
from services.gateway.settings import GatewaySettings
from services.gateway.tokens.grants import AUTHORIZATION

TICK_SECONDS = 0.25  # how often balances are looked at
_TICK_UNITS = {AUDIO: 250, VOICE: 250, CHARACTERS: 0}  # that a session may use until the next look


@dataclass(eq=False)
class Ration:
    """What one session draws from. `settle` has it count what it used by now."""

    purses: dict[str, Purse] = field(default_factory=dict)  # by dimension
    places: list[Counted] = field(default_factory=list)  # of the session itself
    settle: Callable[[], None] = lambda: None
    ended: asyncio.Event = field(default_factory=asyncio.Event)  # an ending is there to be told
    ending: Ending | None = None

    def spend(self, dimension: str, amount: int) -> None:
        """Count what the session used: milliseconds of audio or voice, or code points."""
        if purse := self.purses.get(dimension):
            purse.spend(amount)

    async def watch(self, report: Callable[[MeshError], Awaitable[None]]) -> Never:
        """Raise AtCapacity once a quota is used up. Where there is time, `report` tells the client before."""
        told = False
        while True:
            await self.ended.wait()
            self.ended.clear()
            ending = self.ending
            if ending and ending.over:
                raise refusals.exhausted(ending.count, time.time())
            if ending and not told:
                told = True
                await report(refusals.ending(ending.count))


class Quotas:
    """Keeps a purse for each tenant that has sessions here, and fills it."""

    def __init__(self, settings: GatewaySettings, now: Callable[[], float] = time.time) -> None:
        self.classes: Classes = {}
        self.usage = UsageLog(settings.usage)
        self._settings = settings
        self._now = now
        self._leases = Leases(_store(settings), now)
        self._open: dict[str, list[Ration]] = {}  # by tenant
        self._low = asyncio.Event()  # a purse is empty

    async def start(self) -> None:
        """Read the classes. Raises InvalidArgument where their file cannot be used."""
        self.usage.open()
        if self._settings.quotas is None:
            return
        try:
            text = await asyncio.to_thread(self._settings.quotas.read_text, encoding="utf-8")
            self.classes = read_classes(text)
        except (QuotasUnusable, OSError, UnicodeError) as error:
            raise InvalidArgument("QUOTAS_UNUSABLE", str(error), "GATEWAY_QUOTAS", ["classes of quotas"]) from None
        await self._leases.keep([])

    async def run(self) -> Never:
        """Fill purses, and tell sessions whose quotas end. Runs until it is cancelled."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_SECONDS):
                        await self._low.wait()
                self._low.clear()
                if self.classes:
                    await self._look()
                if self.usage.waits:
                    await asyncio.to_thread(self.usage.flush)
        finally:
            self.usage.flush()
            await self._leases.close()

    @asynccontextmanager
    async def opened(self, account: str, quota_class: str) -> AsyncIterator[Ration]:
        """Hold a session's place and its tenant's purses for the block. Raises AtCapacity, or StageFailed.

        Raises PermissionDenied for a class that there is none of.
        """
        lines, tenant = self._lines(quota_class), _digest(account)
        if not lines:
            yield Ration()
            return
        places = counted(tenant, lines_of(lines, SESSIONS), self._now())
        await self._require_place(places)
        ration = Ration(self._purses(tenant, lines), places)
        try:
            self._open.setdefault(tenant, []).append(ration)
            await self._require_rest(tenant, ration)
            yield ration
        finally:
            ration.settle()
            self._close(tenant, ration)

    async def text(self, account: str, quota_class: str, characters: int) -> None:
        """Count code points that are to be translated outside of a session. Raises as `opened` does."""
        lines = lines_of(self._lines(quota_class), CHARACTERS)
        counts = counted(_digest(account), lines, self._now())
        lease = await self._leases.take(counts, characters, whole=True)
        if lease.granted < characters and lease.tightest:
            raise self._refusal(refusals.exhausted(lease.tightest, self._now()))

    def translated(self, tenant: str, quota_class: str, used: Used) -> None:
        """Record for the bill a text that was translated outside of a session."""
        name = self.label(quota_class)
        self.usage.add(Record("text", tenant, name, "", "", 0.0, used))
        count(name, used)

    def label(self, quota_class: str) -> str:
        """Return the name of a class as metrics have it."""
        return label(quota_class, self.classes)

    def _lines(self, quota_class: str) -> Lines:
        if self.classes and quota_class not in self.classes:
            rpcs.refused("gateway", "QUOTA_CLASS_UNKNOWN")
            message = "This server has no such quota class as the token names."
            raise PermissionDenied("QUOTA_CLASS_UNKNOWN", message, AUTHORIZATION, sorted(self.classes))
        return self.classes.get(quota_class, ())

    async def _require_place(self, places: list[Counted]) -> None:
        if self._leases.cut_off and self._settings.quotas_outage == "refuse":
            raise refusals.unavailable()
        lease = await self._leases.take(places, 1)
        if not lease.granted:
            raise self._refusal(refusals.too_many(places[0]))

    def _refusal(self, refusal: MeshError) -> MeshError:
        """Return a refusal; when cut off nobody knows whether the quota is used up."""
        if self._leases.cut_off:
            return refusals.unavailable()
        rpcs.refused("gateway", refusal.code)
        return refusal

    def _purses(self, tenant: str, lines: Lines) -> dict[str, Purse]:
        others = self._open.get(tenant)
        if others:
            return others[0].purses
        limited = {each: lines_of(lines, each) for each in UNITS}
        return {each: Purse(tenant, found, self._now, self._low.set) for each, found in limited.items() if found}

    async def _require_rest(self, tenant: str, ration: Ration) -> None:
        await self._fill(tenant)
        for purse in ration.purses.values():
            if purse.ending and purse.ending.over:
                raise self._refusal(refusals.exhausted(purse.ending.count, self._now()))

    def _close(self, tenant: str, ration: Ration) -> None:
        others = self._open.get(tenant, [])
        if ration in others:
            others.remove(ration)
        if not others:
            self._open.pop(tenant, None)
            for purse in ration.purses.values():
                purse.empty(self._leases)
        self._leases.give(ration.places, 1)

    async def _look(self) -> None:
        for tenant in [*self._open]:
            await self._fill(tenant)
        for rations in self._open.values():
            for each in rations:
                _tell(each)
        first = [each[0] for each in self._open.values()]
        used = [count for each in first for purse in each.purses.values() for count in purse.counts]
        await self._leases.keep([*used, *(place for each in first for place in each.places)])

    async def _fill(self, tenant: str) -> None:
        """Count what the sessions of a tenant used by now, and lease what they may use until the next look."""
        rations = self._open.get(tenant, [])
        for each in rations:
            each.settle()
        for dimension, purse in rations[0].purses.items() if rations else ():
            await purse.fill(self._leases, len(rations), _TICK_UNITS[dimension])
            if tenant not in self._open:
                purse.empty(self._leases)  # its last session ended meanwhile


def _digest(account: str) -> str:
    """Return what a tenant is counted under: its name is not to be read in the store."""
    return hashlib.sha256(account.encode()).hexdigest()[:32]


def _tell(ration: Ration) -> None:
    """Wake a session of which a quota ends; of several, the one that is used up counts."""
    endings = [each.ending for each in ration.purses.values() if each.ending]
    if endings:
        ration.ending = next((each for each in endings if each.over), endings[0])
        ration.ended.set()


def _store(settings: GatewaySettings) -> Store | None:
    """Return the store that the settings name; none where this gateway counts alone."""
    if settings.quotas_url is None:
        return None
    from services.gateway.quotas.shared import Shared  # Redis's client is an extra

    return Shared(settings.quotas_url.get_secret_value())
