"""Ends a process that is beyond repair, so that whoever runs it starts another: it leaves nothing behind.

A thread looks at the event loop, since a loop that stands still sees nothing. Code that holds the interpreter's lock
for ever holds the thread as well; those who watch the service see that, and so does a liveness probe.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)

STATUS = os.EX_SOFTWARE  # 70
LOG_SECONDS = 1.0  # a log that cannot be written does not hold the end
LOOKS = 10  # within the time a loop may stand still


def end(event: str, fields: Mapping[str, object]) -> None:
    """Logs why, kills the programs this process started, and ends it. Nothing else is waited for."""
    last = threading.Timer(LOG_SECONDS, _leave)
    last.daemon = True
    try:  # any of this may fail where memory is exhausted
        with suppress(RuntimeError):  # no thread can be started
            last.start()
        log.critical(event, extra={"fields": fields})
        logging.shutdown()
    finally:
        _leave()


def _leave() -> None:
    try:
        for child in _children():
            with suppress(OSError):  # it has ended
                os.kill(child, signal.SIGKILL)
    finally:
        os._exit(STATUS)


def _children() -> list[int]:
    """Process ids. Most children end by themselves when their input does, but one that is stuck reads none."""
    try:
        return [int(pid) for each in Path("/proc/self/task").glob("*/children") for pid in each.read_text().split()]
    except OSError:  # the kernel does not tell, or a thread ended meanwhile
        return []


@contextmanager
def on_standstill(loop: asyncio.AbstractEventLoop, seconds: float) -> Iterator[None]:
    """Ends the process when the loop stands still for so long within the block; 0: never."""
    if not seconds:
        yield
        return
    pulse = Pulse(loop, seconds / LOOKS)
    looking = threading.Thread(target=pulse.look, name="standstill", args=(threading.get_ident(),), daemon=True)
    pulse.beat()
    looking.start()
    try:
        yield
    finally:
        pulse.over.set()
        looking.join()


class Pulse:
    """Beats in the loop, and is looked at from a thread.

    The thread counts its own looks, not the time: of a process that was stopped for a while both stood still.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.over = threading.Event()
        self._loop = loop
        self._seconds = seconds
        self._beats = 0

    def beat(self) -> None:
        """The loop works; it beats again soon."""
        self._beats += 1
        if not self.over.is_set():
            self._loop.call_later(self._seconds / 2, self.beat)

    def look(self, thread: int) -> None:
        """Looks until it is over. `thread` is the loop's."""
        seen, still = -1, 0
        while not self.over.wait(self._seconds):
            still = still + 1 if self._beats == seen else 0
            seen = self._beats
            if still >= LOOKS:
                end("ended, the event loop stands still", {"at": _places(thread)})


def _places(thread: int) -> list[str]:
    frame = sys._current_frames().get(thread)
    return [f"{each.filename.rsplit('/', 1)[-1]}:{each.lineno} {each.name}" for each in traceback.extract_stack(frame)]
