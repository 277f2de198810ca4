"""How long one call of a session lasts, and how often its client may write to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Never, TypeVar

from services.common.errors import StageFailed
from services.common.rates import Allowance, Rate
from services.common.retrying import jittered

NOTICE_SECONDS = 30.0  # for a client to go on in another call, at a moment that suits it
BURST_SECONDS = 4.0  # of messages at the permitted rate may come at once: a resuming client repeats its last seconds
_RETRY_MS = 1
_WANTED_RETRY_MS = 1000

T = TypeVar("T")

GIVE_BACK_SECONDS = 2.0  # for a session whose slot others want, to go on elsewhere or later


async def retire(seconds: float, notify: Callable[[int], Awaitable[None]]) -> Never:
    """Ends a call that has lasted so long, as resumable. `notify` tells the client before, with the milliseconds left.

    Raises StageFailed when the time is over.
    """
    notice = min(NOTICE_SECONDS, seconds / 2)
    await asyncio.sleep(seconds - notice)
    await notify(round(1000 * notice))
    await asyncio.sleep(notice)
    message = f"A call lasts {seconds:g} s at most. Resume the session: it goes on in another call."
    raise StageFailed("SESSION_TOO_LONG", message, retry_after_ms=_RETRY_MS)


async def give_back(wanted: asyncio.Event, notify: Callable[[int], Awaitable[None]]) -> Never:
    """Ends a call whose slot is wanted by tenants that have less, as resumable. Raises StageFailed."""
    await wanted.wait()
    await notify(round(1000 * GIVE_BACK_SECONDS))
    await asyncio.sleep(GIVE_BACK_SECONDS)
    message = "Your other sessions hold more slots than others have, who want this one. Resume it when there is room."
    raise StageFailed("SHARE_WANTED", message, retry_after_ms=jittered(_WANTED_RETRY_MS))


async def paced(
    messages: AsyncIterator[T],
    per_second: float,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[T]:
    """The messages, no more a second than permitted: those beyond it are read later, and the client is held up."""
    allowance = Allowance(Rate(per_second, BURST_SECONDS * per_second), clock())
    async for message in messages:
        if wait := allowance.wait(clock()):
            await sleep(wait)
        allowance.spend(clock())
        yield message
