"""How long one call of a session lasts, and how often its client may write to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Never, TypeVar

from services.common.errors import StageFailed
from services.common.rates import Allowance, Rate

NOTICE_SECONDS = 30.0  # for a client to go on in another call, at a moment that suits it
BURST_SECONDS = 4.0  # of messages at the permitted rate may come at once: a resuming client repeats its last seconds
_RETRY_MS = 1

T = TypeVar("T")


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
