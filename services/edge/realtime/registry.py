"""The conversations that are open in this process, so that they can be asked to leave before it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from services.edge.faults import Fault

_GOING = Fault(
    503, "GOING_AWAY", "The server stops. Resume the session: it goes on in another connection.", retry_after_ms=1
)


class Leaving(Protocol):
    """An open connection that can be asked to leave."""

    def leave(self, milliseconds: int) -> None:
        """Ask the client to go on elsewhere within so many milliseconds."""

    def end(self, fault: Fault) -> None:
        """End the connection with a fault."""


class Registry:
    """The open connections of a process, and whether it takes new ones."""

    def __init__(self) -> None:
        self._open: set[Leaving] = set()
        self._emptied = asyncio.Event()
        self._left_ms = 0
        self.draining = False

    @contextmanager
    def entered(self, connection: Leaving) -> Iterator[None]:
        """Register a connection for the block."""
        self._open.add(connection)
        self._emptied.clear()
        if self.draining:
            connection.leave(self._left_ms)
        try:
            yield
        finally:
            self._open.discard(connection)
            if not self._open:
                self._emptied.set()

    def require_open(self) -> None:
        """Require that the process takes new connections. Raises Fault while it drains."""
        if self.draining:
            raise Fault(503, "DRAINING", "The server is about to stop: ask another one.", retry_after_ms=1000)

    async def drain(self, seconds: float) -> None:
        """Ask all connections to leave; end those that are left when the time is nearly up."""
        self.draining, self._left_ms = True, round(1000 * seconds)
        for connection in list(self._open):
            connection.leave(self._left_ms)
        if not self._open:
            return
        try:
            async with asyncio.timeout(max(0.0, seconds - _LAST_WORDS_SECONDS)):
                await self._emptied.wait()
        except TimeoutError:
            for connection in list(self._open):
                connection.end(_GOING)


_LAST_WORDS_SECONDS = 0.5
