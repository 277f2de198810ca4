"""Waiting for what may never come, because its replica is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from services.common.cancelling import TaskGroup, heed_cancellation

T = TypeVar("T")


class Abandoned(Exception):
    """What was waited for will not come."""


async def unless(gone: asyncio.Event, work: Callable[[], Awaitable[T]]) -> T:
    """What the work gives, unless the event is first: then the work is cancelled. Raises Abandoned, or what it raises.

    A gRPC call whose channel was closed under it surfaces as a cancellation, which would end whoever waits for it as if
    it had been told to stop. Here it ends a task of its own, and is Abandoned.

    Whoever is cancelled while it waits gets no result, though there may be one: work that opens something is to have
    an owner for it (see `Owned`) before it gives it.
    """

    async def working() -> T:
        if gone.is_set():
            raise Abandoned
        return await work()

    try:
        async with TaskGroup() as tasks:
            wanted = tasks.create_task(working())
            unwanted = tasks.create_task(gone.wait())
            await asyncio.wait((wanted, unwanted), return_when=asyncio.FIRST_COMPLETED)
            wanted.cancel()
            unwanted.cancel()
    except ExceptionGroup as group:
        heed_cancellation()
        raise group.exceptions[0] from None  # the work's: there is no other
    if wanted.cancelled():
        raise Abandoned
    return wanted.result()
