"""One service, kept running: started again whenever it ends, until nobody wants it any more."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Never

import psutil

from babelmesh.client.errors import MeshFailed
from babelmesh.client.mesh import is_serving
from babelmesh.local.supervisor import Service, start

RESTART_SECONDS = 0.2  # as soon as `babelmesh up` does it the first time
SERVING_SECONDS = 60.0
MOST_STARTS = 5  # of one that is not ready in between
LOOK_SECONDS = 0.05


class Kept:
    """A service under the hand of a test, which may kill, freeze and stop it. Signals go to its children as well."""

    def __init__(self, service: Service, log: Path, ready: Callable[[str], Awaitable[bool]] = is_serving) -> None:
        self.name = service.name
        self.address = service.address
        self.operations = service.operations  # where it tells its state
        self.starts = 0
        self._service = service
        self._log = log
        self._ready = ready
        self._child: asyncio.subprocess.Process | None = None
        self._wanted = asyncio.Event()
        self._wanted.set()

    @property
    def pid(self) -> int:
        """Of the process that runs now. Raises MeshFailed when none does."""
        if self._child is None or self._child.returncode is not None:
            raise MeshFailed(f"{self.name} does not run now.")
        return self._child.pid

    @property
    def process(self) -> psutil.Process:
        """The same, to look at."""
        return psutil.Process(self.pid)

    async def supervised(self) -> Never:
        """Runs it, and starts it again when it has ended; nothing of it is left when this is cancelled."""
        while True:
            await self._wanted.wait()
            child = self._child = (await start(self._service, self._log, "ab")).child
            self.starts += 1
            try:
                await child.wait()
            finally:
                _signal_group(child.pid, signal.SIGKILL)
                await child.wait()
            await asyncio.sleep(RESTART_SECONDS)

    async def serving(self) -> float:
        """Waits until it says that it is ready; how many seconds that took. Raises MeshFailed when it does not come."""
        began, starts = time.monotonic(), self.starts
        while not await self._ready(self.address):
            if time.monotonic() - began > SERVING_SECONDS or self.starts - starts > MOST_STARTS:
                tail = self.log_text().splitlines()[-12:]
                raise MeshFailed("\n".join([f"{self.name} does not become ready. The end of its log:", *tail]))
            await asyncio.sleep(LOOK_SECONDS)
        return time.monotonic() - began

    async def is_serving(self) -> bool:
        """Whether it says so now."""
        return await self._ready(self.address)

    def hold(self) -> None:
        """Once it has ended, it is not started again for now."""
        self._wanted.clear()

    def release(self) -> None:
        """It may be started again."""
        self._wanted.set()

    def kill(self) -> float:
        """Ends it as a crash would. Returns the instant, on the monotonic clock, as all here do."""
        return self._told(signal.SIGKILL)

    def freeze(self) -> float:
        """Stops it where it stands: it answers nothing and its connections stay open."""
        return self._told(signal.SIGSTOP)

    def thaw(self) -> float:
        """Lets it go on."""
        return self._told(signal.SIGCONT)

    def terminate(self) -> float:
        """Asks it to stop, as a rolling update does. The service only: it stops its own children."""
        instant = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        return instant

    async def ended(self) -> float:
        """Waits until the process that runs now has ended; the instant."""
        if self._child is not None:
            await self._child.wait()
        return time.monotonic()

    def log_text(self) -> str:
        """What it logged, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _told(self, number: signal.Signals) -> float:
        instant = time.monotonic()
        _signal_group(self.pid, number)
        return instant


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return  # nothing of it is left
