"""What is said, on its way to the recognizer of now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.gateway.listening import Asked, Listening
from services.gateway.ring import Said

KEEPALIVE_SECONDS = 15.0  # a recognizer that is sent nothing for a minute takes its call for one that nobody owns


class Feed:
    """A bounded channel into any number of calls: what one of them was told in vain, the next is told again.

    `say` waits while more is kept than may be, and `next` until there is something to tell. In a session that is
    paused or held, a recognizer is asked from time to time whether it is through, which shows each that the
    other lives.
    """

    def __init__(self, listening: Listening, hurried: Callable[[], bool] = lambda: False) -> None:
        self.hurried = hurried  # whether the session is so far behind that something gives way
        self._listening = listening
        self._changed = asyncio.Condition()
        self.finished = False

    async def say(self, said: Said) -> None:
        """Goes behind all before it."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._listening.ring.full)
            self._listening.say(said)
            self._changed.notify_all()

    async def finish(self) -> None:
        """Nothing more will be said."""
        async with self._changed:
            self.finished = True
            self._changed.notify_all()

    async def begun(self) -> bool:
        """Waits until something was said. False when it ended first."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.finished or not self._listening.ring.empty)
            return not self._listening.ring.empty

    async def next(self) -> Asked | None:
        """What is to be told next; None at the end."""
        async with self._changed:
            while (asked := self._listening.next(rest=self.finished)) is None and not self.finished:
                await self._change()
            return asked

    async def _change(self) -> None:
        try:
            async with asyncio.timeout(KEEPALIVE_SECONDS):
                await self._changed.wait()
        except TimeoutError:
            self._listening.keep_alive()

    async def answered(self) -> None:
        """The recognizer has said something: there may be room now, or something to tell."""
        async with self._changed:
            self._changed.notify_all()
