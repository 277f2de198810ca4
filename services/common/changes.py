"""Wakes tasks when something changes, without a lock: for the tasks of one event loop."""

from __future__ import annotations

import asyncio


class Changes:
    """The tasks that wait for the next change of something. Each looks for itself whether it is what it waits for.

    A task of the loop is not interrupted between two awaits, so who reads and changes what is shared needs no lock; an
    `asyncio.Condition` would take one for each change, and each wait twice.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[bool]] = []

    def tell(self) -> None:
        """Wake all that wait now."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                if not each.done():
                    each.set_result(True)

    async def wait(self, seconds: float = 0.0) -> bool:
        """Wait for the next change, for at most so many seconds; 0 for as long as it takes. Returns whether it came."""
        loop = asyncio.get_running_loop()
        change: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(change)
        timer = loop.call_later(seconds, _end, change) if seconds else None
        try:
            return await change
        finally:
            if change in self._waiting:  # the time was over, or who waited was cancelled
                self._waiting.remove(change)
            if timer is not None:
                timer.cancel()


def _end(change: asyncio.Future[bool]) -> None:
    if not change.done():
        change.set_result(False)
