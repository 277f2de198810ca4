"""Measures how long this process, or a child, was ready to work but was given no processor on a busy machine.

Linux tells of each thread how long it has waited for a processor, a limit on processor time included, and of each
process whether it is stopped. Elsewhere nothing is told, and all time counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

LOOK_SECONDS = 0.5

_OWN = Path("/proc/self")


@asynccontextmanager
async def own_time(seconds: float, stopped: bool = True) -> AsyncIterator[None]:
    """Time out as `asyncio.timeout`, not counting time in which the processor was denied or this process stood
    still.

    `stopped`: nor does time in which a program that we started is stopped. Raises TimeoutError.
    """
    loop = asyncio.get_running_loop()
    looks = min(LOOK_SECONDS, seconds / 4)
    denied: Denied | None = None
    looking: asyncio.TimerHandle
    async with asyncio.timeout(seconds) as limit:

        def look() -> None:
            nonlocal denied, looking
            lost = loop.time() - looking.when()
            if denied is None:
                denied = Denied(stopped)
            else:
                lost = max(lost, denied.seconds())
            if (ends := limit.when()) is not None and not limit.expired():
                limit.reschedule(ends + lost)
            looking = loop.call_later(looks, look)

        looking = loop.call_later(looks, look)
        try:
            yield
        finally:
            looking.cancel()


class Denied:
    """Measures how long a processor was denied since this was made. `stopped`: also to stopped child programs."""

    def __init__(self, stopped: bool = True) -> None:
        self._stopped = stopped
        self._at = time.monotonic()
        self._waited = dict(_family())

    def seconds(self) -> float:
        """Return the seconds denied since the last call, to the thread that suffered most."""
        at, waited = time.monotonic(), dict(_family())
        passed, self._at = at - self._at, at
        grown = [now - self._waited[thread] for thread, now in waited.items() if thread in self._waited]
        self._waited = waited
        if self._stopped and any(map(_stopped, _children())):
            return passed
        return min(passed, max(grown, default=0.0))


def waited(thread: Path) -> float:
    """Return the seconds that a thread, given as its folder in /proc, has waited for a processor; 0 where unknown."""
    with suppress(OSError, ValueError, IndexError):  # it has ended, or the kernel does not tell
        return int((thread / "schedstat").read_text().split()[1]) / 1e9
    return 0.0


def own_thread(native_id: int) -> Path:
    """Return the folder in /proc of a thread of this process."""
    return _OWN / "task" / str(native_id)


def _family() -> Iterator[tuple[Path, float]]:
    for process in (_OWN, *_children()):
        with suppress(OSError):  # it has ended
            for thread in (process / "task").iterdir():
                yield thread, waited(thread)


def _children() -> list[Path]:
    """Return the folders in /proc of this process's running child programs."""
    found: list[Path] = []
    with suppress(OSError):
        for thread in (_OWN / "task").iterdir():
            with suppress(OSError):  # it has ended
                found += [Path("/proc", pid) for pid in (thread / "children").read_text().split()]
    return found


def _stopped(process: Path) -> bool:
    with suppress(OSError, IndexError):
        return (process / "stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False
