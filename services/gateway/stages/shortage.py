"""A stage that cannot be had: what the client is told of it, and how its work waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

from services.common.cancelling import TaskGroup
from services.common.errors import AtCapacity, MeshError, StageFailed, TooSlow
from services.gateway.outgoing import messages
from services.gateway.outgoing.messages import ServerMessage
from services.gateway.outgoing.outbox import Outbox

T = TypeVar("T")
GRACE_SECONDS = 0.1  # a stage that is back so soon was hardly away
MOST_PAUSE_SECONDS = 1.0  # between two tries of a stage that says it serves, and does not


class Shortage:
    """Whether one stage can be had for one target, as far as its work has shown. `run` tells the client."""

    def __init__(self, stage: str, lang: str, outbox: Outbox[ServerMessage]) -> None:
        self.stage = stage
        self.began_at = 0.0  # on the loop's clock
        self.on = False  # whether the outage lasts: something failed, and not all of it has been caught up with
        self._lang = lang
        self._outbox = outbox
        self._notices = _Notices()
        self._speaking = asyncio.Lock()  # what is told comes in the order it happened

    def begin(self, segment_id: int) -> None:
        """Begin an outage: work on a segment has failed."""
        self._notices.answered = False
        if not self.on:
            self.on = True
            self.began_at = asyncio.get_running_loop().time()
            self._notices.begin(segment_id)

    def answered(self) -> None:
        """Note that the stage has done a piece of work."""
        self._notices.answered = True

    async def settle(self) -> None:
        """End the outage, if the stage has answered: no work waits."""
        if not self.on or not self._notices.answered:
            return
        self.on = False
        if self._notices.end():
            await self._tell(over=True)

    async def waits(self, segment_id: int) -> None:
        """Count one more segment that waits for the stage."""
        if self.on and self._notices.add(segment_id):
            await self._tell(segment_id)

    async def run(self) -> None:
        """Tell the client of each outage that outlives the grace. Runs until it is cancelled."""
        while True:
            await self._notices.begun.wait()
            if await _within(GRACE_SECONDS, self._notices.over):
                continue
            for segment_id in self._notices.announced():
                await self._tell(segment_id)
            await self._notices.over.wait()

    async def _tell(self, segment_id: int = 0, over: bool = False) -> None:
        async with self._speaking:
            notice = messages.degraded(self.stage, self._lang, "UNAVAILABLE", segment_id, over)
            await self._outbox.put(notice)

    async def outlast(
        self, attempt: Callable[[], Awaitable[T]], patience: Callable[[], Awaitable[None]], segment_id: int, tries: int
    ) -> T:
        """What `attempt` gives once the stage can be had: `patience` waits for that before each further one.

        Raises what `patience` raises; the MeshError that another try would not heal; or the last one, when the stage
        was there and has failed so often. To be slow is no failure.
        """
        failed: list[MeshError] = []

        async def once() -> T:
            if self.on:
                await patience()
            try:
                return await attempt()
            except MeshError as fault:
                if away(fault):
                    self.begin(segment_id)
                if not unreachable(fault) and not isinstance(fault, TooSlow):
                    failed.append(fault)
                raise

        retrying = AsyncRetrying(
            retry=retry_if_exception(heals),
            stop=lambda _: len(failed) >= tries,
            wait=wait_random_exponential(multiplier=0.05, max=MOST_PAUSE_SECONDS),
            reraise=True,
        )
        return await retrying(once)


class _Notices:
    """The two edges of an outage, and the segments that wait and have not been named."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.over = asyncio.Event()
        self.answered = False  # by the stage, since it began
        self._newest = 0
        self._unnamed: list[int] | None = []  # None: it was announced, and they are named as they come

    def begin(self, segment_id: int) -> None:
        self._newest, self._unnamed = segment_id, [segment_id]
        self.over.clear()
        self.begun.set()

    def add(self, segment_id: int) -> bool:
        """Add a segment that waits. True when it is to be named now."""
        if segment_id <= self._newest:
            return False
        self._newest = segment_id
        if self._unnamed is not None:
            self._unnamed.append(segment_id)
        return self._unnamed is None

    def announced(self) -> list[int]:
        unnamed, self._unnamed = self._unnamed or [], None
        return unnamed

    def end(self) -> bool:
        """End the outage. True when it had been announced."""
        self.begun.clear()
        self.over.set()
        return self._unnamed is None


def heals(fault: BaseException) -> bool:
    """Whether the same may be asked again: the stage is at fault, or has no room."""
    return isinstance(fault, StageFailed | TooSlow | AtCapacity) and not quarantined(fault)


def quarantined(fault: BaseException) -> bool:
    """Whether the stage ended twice over what it was asked."""
    return isinstance(fault, MeshError) and fault.code == f"{fault.stage}_QUARANTINED"


def away(fault: MeshError) -> bool:
    """Whether the stage cannot be had. One without a free slot is there: its work waits, as it would in a queue."""
    return heals(fault) and not isinstance(fault, AtCapacity)


def unreachable(fault: MeshError) -> bool:
    """Whether no replica took up the work: that says nothing about what was asked."""
    return fault.code == f"{fault.stage}_UNAVAILABLE" or isinstance(fault, AtCapacity)


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait until one of some coroutines has ended, and cancel the others."""
    async with TaskGroup() as tasks:
        running = [tasks.create_task(each) for each in waits]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for each in running:
            each.cancel()


async def _within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


class TierNotices:
    """Knows when the client is to hear that a stage uses less than its largest tier, and when that is over. Pure."""

    def __init__(self, stage: str, lang: str = "") -> None:
        self._stage = stage
        self._lang = lang
        self._told = ""  # the tier that the client knows of; empty: the largest

    def news(self, tier: str, larger: int, segment_id: int) -> list[ServerMessage]:
        """What to tell of a segment's tier, above which there are so many: nothing if the client knows it."""
        known = tier if larger else ""
        if not tier or known == self._told:
            return []
        self._told = known
        return [messages.tier(self._stage, self._lang, tier, segment_id, over=not known)]
