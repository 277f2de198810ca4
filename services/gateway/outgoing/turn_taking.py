"""Whose turn it is to speak, where speaker and voices take turns."""

from __future__ import annotations

import asyncio

from services.gateway.outgoing import messages
from services.gateway.outgoing.messages import ServerMessage
from services.gateway.outgoing.outbox import Outbox
from services.gateway.values.speech import SourceEvent


class Floor:
    """The floor: the voices have it, except while the speaker speaks. Once the source has ended they keep it."""

    def __init__(self) -> None:
        self.closed = False  # the speaker cannot start any more
        self._free = asyncio.Event()
        self._taken = asyncio.Event()
        self._free.set()
        self.word = asyncio.Lock()  # held by who puts what depends on whose turn it is: its order is the turns' own

    @property
    def taken(self) -> bool:
        """Whether the speaker speaks now."""
        return self._taken.is_set() and not self.closed

    def take(self) -> None:
        """Give the floor to the speaker, who has started."""
        if not self.closed:
            self._free.clear()
            self._taken.set()

    def give(self) -> None:
        """Give the floor to the voices: the speaker has stopped, or will not speak any more."""
        self._taken.clear()
        self._free.set()

    def close(self) -> None:
        """Give the floor to the voices for good: the source has ended, and nobody can cut them off."""
        self.closed = True
        self._free.set()
        self._taken.set()

    async def free(self) -> None:
        """Wait while the speaker speaks."""
        await self._free.wait()

    async def quiet(self, seconds: float) -> None:
        """Wait so long, unless the speaker starts, or the source ends, first."""
        try:
            async with asyncio.timeout(seconds):
                await self._taken.wait()
        except TimeoutError:
            return


async def source_turned(floor: Floor, event: SourceEvent, outbox: Outbox[ServerMessage]) -> None:
    """Pass on that the speaker started or stopped. A voice stops before the client is told, and goes on behind it."""
    async with floor.word:
        if event.started:
            floor.take()
        await outbox.put(messages.source_event(event.started, event.offset_samples))
        if not event.started:
            floor.give()
