"""A pool of warm child programs. Engines that hold the interpreter's lock, or are not ours to link, run as children."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Generic, Protocol, TypeVar

from services.common.cancelling import uninterrupted


async def ended(process: Process) -> None:
    """Kill a program, unless it has ended, and wait until it and its pipes are gone, also when cancelled meanwhile.

    Its last output is dropped. With one that was started in a session of its own goes what it has started itself: a
    wrapper's program would hold the pipes until it ends.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):  # it has ended, and the loop was not told yet
            process.kill()
        with suppress(ProcessLookupError):  # it leads no group, or was alone in it
            os.killpg(process.pid, signal.SIGKILL)
    if process.stdin is not None:
        process.stdin.close()
    await uninterrupted(process.communicate())


class Child(Protocol):
    """A running child program that an engine computes with."""

    async def close(self) -> None:
        """End the program, and wait until it is gone."""


C = TypeVar("C", bound=Child)


class Pool(Generic[C]):
    """Up to `size` children, started when first needed, kept running, each lent to one caller at a time.

    A child whose borrower left with an exception, cancellation included, may be in the middle of an answer: it is
    ended, and the next borrower gets a fresh one.
    """

    def __init__(self, start: Callable[[], Awaitable[C]], size: int) -> None:
        self._start = start
        self._idle: list[C] = []
        self._closed = False
        self._free = asyncio.Semaphore(size)

    async def warm(self, count: int) -> None:
        """Start children until `count` are idle."""
        while len(self._idle) < count:
            self._idle.append(await self._start())

    @property
    def idle(self) -> int:
        """Number of children that wait to be lent."""
        return len(self._idle)

    async def trim(self) -> None:
        """End one idle child, if there is one."""
        if self._idle:
            await self._idle.pop(0).close()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[C]:
        """Lend a child for the block; wait while all are lent. A block that fails ends its child."""
        async with self._free:
            child = self._idle.pop() if self._idle else await self._start()
            try:
                yield child
            except BaseException:
                await uninterrupted(child.close())
                raise
            if self._closed:
                await child.close()
            else:
                self._idle.append(child)

    async def close(self) -> None:
        """End the idle children now, and each lent one when it comes back."""
        self._closed = True
        while self._idle:
            await self._idle.pop().close()
