"""Calls to stages: each with an owner that ends it, and none waited for once its replica is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

from services.common.cancelling import Cancellable, TaskGroup, end_call, heed_cancellation

C = TypeVar("C", bound=Cancellable)
T = TypeVar("T")


class Owned:
    """Calls that are cancelled when the block is left, whatever way: by a result, an exception or a cancellation.

    A call is to be added in the step that opens it, before anything is awaited. gRPC never ends one that was dropped:
    the call is referred to by its own callbacks and by a task that waits for its status, and so is never collected.
    """

    def __init__(self) -> None:
        self._calls: list[Cancellable] = []

    def add(self, call: C) -> C:
        """Own one more call, and return it. Those that have ended are owned no longer."""
        for ended in [each for each in self._calls if each.done()]:
            end_call(self.release(ended))
        self._calls.append(call)
        return call

    def release(self, call: C) -> C:
        """Give a call up, to whoever is to own it before anything is awaited."""
        self._calls = [each for each in self._calls if each is not call]
        return call

    def close(self) -> None:
        """Cancel the calls that are still owned."""
        calls, self._calls = self._calls, []
        for call in calls:
            end_call(call)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Abandoned(Exception):
    """Raised when what was waited for will not come."""


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
