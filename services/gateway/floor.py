"""Whose turn it is to speak, where speaker and voices take turns."""

from __future__ import annotations

import asyncio


class Floor:
    """The voices have it, but while the speaker speaks. Once the source has ended they have it for good."""

    def __init__(self) -> None:
        self.closed = False  # the speaker cannot start any more
        self._free = asyncio.Event()
        self._taken = asyncio.Event()
        self._free.set()
        self.word = asyncio.Lock()  # held by who puts what depends on whose turn it is: its order is the turns' own

    @property
    def taken(self) -> bool:
        """Whether the speaker speaks."""
        return self._taken.is_set() and not self.closed

    def take(self) -> None:
        """The speaker has started."""
        if not self.closed:
            self._free.clear()
            self._taken.set()

    def give(self) -> None:
        """The speaker has stopped, or will not speak any more."""
        self._taken.clear()
        self._free.set()

    def close(self) -> None:
        """The source has ended: nobody can cut a voice off any more, and whoever waits for a turn has it."""
        self.closed = True
        self._free.set()
        self._taken.set()

    async def free(self) -> None:
        """Waits while the speaker speaks."""
        await self._free.wait()

    async def quiet(self, seconds: float) -> None:
        """Waits so long, unless the speaker starts, or the source ends, first."""
        try:
            async with asyncio.timeout(seconds):
                await self._taken.wait()
        except TimeoutError:
            return
