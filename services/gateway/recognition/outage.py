"""The time without a recognizer: trying to get another one, and saying so when it lasts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, wait_random_exponential

from services.common.cancelling import TaskGroup, heed_cancellation
from services.common.errors import AtCapacity, Defect, StageFailed, TooSlow, cause
from services.gateway.stages.tries import LONGEST_SECONDS, quarantined

T = TypeVar("T")
ANNOUNCED_AFTER_SECONDS = 0.4
MOST_DEFECTS = 2  # of recognizers upon the session's terms
ITS_OWN = (StageFailed, TooSlow, AtCapacity, Defect)  # faults of a recognizer that another one need not share
_RETRY_AFTER_MS = 1000
_STEP_SECONDS, _LONGEST_STEP_SECONDS = 0.02, 0.5  # between two tries
Announce: TypeAlias = Callable[[bool], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a recognizer may be silent, or gone."""

    stall_seconds: float = 5.0  # without an answer, while one is due; 0: for ever
    outage_seconds: float = 30.0
    longest_seconds: float = LONGEST_SECONDS  # where nobody else could answer, or one is to be expected


class Outage:
    """Begins with a call that broke off, and is over when a later one has answered.

    `announce` is told that it lasts, and with True that there is a recognizer again. While one is `coming`, it is
    waited for up to the longest: it may load, or come to itself, slowly.
    """

    def __init__(self, patience: Patience, announce: Announce, coming: Callable[[], bool] = lambda: False) -> None:
        self._patience = patience
        self._announce = announce
        self._coming = coming
        self._began: float | None = None
        self._calls = 0  # that have not answered
        self._announced = False

    def over(self) -> None:
        """End the outage: a recognizer has answered."""
        self._began = None
        self._calls = 0

    async def another(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` gives, as soon as it gives something. Raises StageFailed when that lasts too long."""
        clock = asyncio.get_running_loop().time
        self._began = clock() if self._began is None else self._began
        longest_seconds = max(self._patience.longest_seconds, self._patience.outage_seconds)
        ends = self._began + self._patience.outage_seconds
        while True:
            try:
                found = await self._found(attempt, ends)
                break
            except TimeoutError as error:
                if not self._coming() or clock() - self._began >= longest_seconds:
                    message = f"No recognizer could be had for {clock() - self._began:.3g} s."
                    code = "ASR_UNAVAILABLE"
                    raise StageFailed(code, message, retry_after_ms=_RETRY_AFTER_MS, stage="ASR") from error
                ends = clock() + self._patience.outage_seconds
        if self._announced:
            await self._announce(True)
            self._announced = False
        return found

    @property
    def _lasts(self) -> float:
        now = asyncio.get_running_loop().time()
        return now - (now if self._began is None else self._began)

    async def _found(self, attempt: Callable[[], Awaitable[T]], ends: float) -> T:
        silent_seconds = ANNOUNCED_AFTER_SECONDS - self._lasts
        try:
            async with asyncio.timeout_at(ends), TaskGroup() as tasks:
                saying = tasks.create_task(self._say_so(silent_seconds))
                found = await self._tried(attempt)
                saying.cancel()
        except ExceptionGroup as group:
            heed_cancellation()
            raise cause(group) from None
        return found

    async def _tried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        if self._calls:  # it was let in and died at once: not again and again without a pause
            longest = min(_LONGEST_STEP_SECONDS, _STEP_SECONDS * 2**self._calls)
            await asyncio.sleep(random.uniform(0, longest))  # it spreads calls, it hides nothing
        self._calls += 1
        defects = 0

        def heals(error: BaseException) -> bool:
            nonlocal defects
            defects += isinstance(error, Defect)
            return isinstance(error, ITS_OWN) and defects < MOST_DEFECTS

        retrying = AsyncRetrying(
            retry=retry_if_exception(heals),
            wait=wait_random_exponential(multiplier=_STEP_SECONDS, max=_LONGEST_STEP_SECONDS),
        )
        try:
            async for trial in retrying:
                with trial:
                    return await attempt()
        except Defect as defect:
            raise quarantined("ASR") from defect
        raise AssertionError("tenacity ends with a result or an exception")

    async def _say_so(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
        if not self._announced:
            await self._announce(False)
            self._announced = True
