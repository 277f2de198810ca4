"""A pool of warm child programs. Engines that hold the interpreter's lock, or are not ours to link, run as children."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

from services.common.errors import MeshError

log = logging.getLogger(__name__)


class Child(Protocol):
    """A running child program."""

    async def close(self) -> None:
        """Ends the program and waits until it is gone."""


C = TypeVar("C", bound=Child)


class Pool(Generic[C]):
    """Up to `size` children, started when first needed, kept warm, each lent to one caller at a time.

    A child whose borrower left with an exception, cancellation included, may be in the middle of an answer: it is
    ended, and a fresh one is started in its place, so that the next borrower need not wait for that either.
    """

    def __init__(self, start: Callable[[], Awaitable[C]], size: int) -> None:
        self._start = start
        self._idle: list[C] = []
        self._warm = 0
        self._refills: set[asyncio.Task[None]] = set()
        self._closed = False
        self._free = asyncio.Semaphore(size)

    async def warm(self, count: int) -> None:
        """Starts children until `count` are idle, and keeps so many from then on."""
        self._warm = count
        while len(self._idle) < count:
            self._idle.append(await self._start())

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[C]:
        """A child for the block; waits while all are lent."""
        async with self._free:
            child = self._idle.pop() if self._idle else await self._start()
            try:
                yield child
            except BaseException:
                await asyncio.shield(child.close())
                self._refill_later()
                raise
            if self._closed:
                await child.close()
            else:
                self._idle.append(child)

    async def close(self) -> None:
        """Ends the idle children now, and each lent one when it comes back."""
        self._closed = True
        for refill in self._refills:
            refill.cancel()
        await asyncio.gather(*self._refills, return_exceptions=True)
        while self._idle:
            await self._idle.pop().close()

    def _refill_later(self) -> None:
        if not self._closed:
            refill = asyncio.create_task(self._refill())
            self._refills.add(refill)
            refill.add_done_callback(self._refills.discard)

    async def _refill(self) -> None:
        async with self._free:  # as if it were lent, so that there are never more than `size`
            if len(self._idle) < self._warm:
                try:
                    self._idle.append(await self._start())
                except MeshError as error:  # the next borrower will try, and be told
                    log.warning("child not replaced", extra={"fields": {"reason": error.code}})
