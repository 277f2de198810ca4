"""Whose turn it is to speak, where speaker and voices take turns."""

from __future__ import annotations

import asyncio


class Floor:
    """The voices have it, but while the speaker speaks."""

    def __init__(self) -> None:
        self._free = asyncio.Event()
        self._taken = asyncio.Event()
        self._free.set()
        self.word = asyncio.Lock()  # held by who puts what depends on whose turn it is: its order is the turns' own

    @property
    def taken(self) -> bool:
        """Whether the speaker speaks."""
        return self._taken.is_set()

    def take(self) -> None:
        """The speaker has started."""
        self._free.clear()
        self._taken.set()

    def give(self) -> None:
        """The speaker has stopped, or will not speak any more."""
        self._taken.clear()
        self._free.set()

    async def free(self) -> None:
        """Waits while the speaker speaks."""
        await self._free.wait()

    async def quiet(self, seconds: float) -> None:
        """Waits so long, unless the speaker starts first."""
        try:
            async with asyncio.timeout(seconds):
                await self._taken.wait()
        except TimeoutError:
            return
