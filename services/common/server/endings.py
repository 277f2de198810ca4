"""Ends a process that is beyond repair, so that its supervisor starts another.

A thread looks at the event loop, since a loop that stands still sees nothing. Where one call's work holds it, that call
is ended, and the process only if the loop does not come back. Code that holds the interpreter's lock for ever holds the
thread as well; those who watch the service see that, and so does a liveness probe.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from services.common.server.holding import attributing, end_holder
from services.common.server.starving import own_thread, waited

log = logging.getLogger(__name__)

STATUS = os.EX_SOFTWARE  # 70
LOG_SECONDS = 1.0  # a log that cannot be written does not hold the end
LOOKS = 10  # within the time a loop may stand still
HELD_LOOKS = 4  # within the time that one call may hold it


def end(event: str, fields: Mapping[str, object]) -> None:
    """Log the reason, kill the programs that this process started, and end it. Nothing else is awaited."""
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
    """Return the ids of child processes. Most end when their input does, but one that is stuck reads none."""
    try:
        return [int(pid) for each in Path("/proc/self/task").glob("*/children") for pid in each.read_text().split()]
    except OSError:  # the kernel does not tell, or a thread ended meanwhile
        return []


@dataclass(frozen=True, slots=True)
class Limits:
    """How many seconds an event loop may stand still before its call, or its process, is ended; 0 for ever."""

    stalled_seconds: float  # after which the process is ended
    held_seconds: float = 0.0  # of its thread's processor time, after which the call is ended whose work holds it

    @property
    def look_seconds(self) -> float:
        """Seconds between two looks at the loop; 0 where there are no limits."""
        looks = [self.stalled_seconds / LOOKS, self.held_seconds / HELD_LOOKS]
        return min((each for each in looks if each), default=0.0)

    def stalled(self, looks: int) -> bool:
        """Return whether so many looks without a beat mean that the loop has stalled."""
        return bool(self.stalled_seconds) and looks >= round(self.stalled_seconds / self.look_seconds)

    def held(self, looks: int, worked_seconds: float) -> bool:
        """Return whether a call holds the loop: its thread has worked too long without a beat, or stands still for
        long.
        """
        if not self.held_seconds:
            return False
        return worked_seconds >= self.held_seconds or self.stalled(2 * looks)


@contextmanager
def on_standstill(loop: asyncio.AbstractEventLoop, limits: Limits) -> Iterator[None]:
    """End the call that holds the loop, or the process, when the loop stands still too long within the block."""
    if not limits.look_seconds:
        yield
        return
    pulse = Pulse(loop, limits)
    looking = threading.Thread(target=pulse.look, name="standstill", args=(threading.get_ident(),), daemon=True)
    pulse.beat()
    looking.start()
    try:
        with attributing(loop):
            yield
    finally:
        pulse.over.set()
        looking.join()


class Pulse:
    """Beats in the event loop, while a thread watches the beats.

    The thread counts its own looks, not the time: of a process that was stopped for a while both stood still.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self.over = threading.Event()
        self._loop = loop
        self._limits = limits
        self._seconds = limits.look_seconds  # between two beats, too: one that just missed a look is seen by the next
        self._beats = 0

    def beat(self) -> None:
        """Count a beat of the loop, and schedule the next one."""
        self._beats += 1
        if not self.over.is_set():
            self._loop.call_later(self._seconds, self.beat)

    def look(self, thread: int) -> None:
        """Watch the loop's thread, of id `thread`, until the block is over."""
        seen, still, worked, ended = -1, 0, 0.0, ""
        folder = own_thread(next((each.native_id or 0 for each in threading.enumerate() if each.ident == thread), 0))
        denied = 0.0
        while not self.over.wait(self._limits.look_seconds):
            if self._beats != seen:
                seen, still, worked, ended, denied = self._beats, 0, _worked_seconds(thread), "", 0.0
                continue
            before, denied = denied, waited(folder)  # read only here: it costs more than all else of a look
            starved = before and denied - before > self._limits.look_seconds / 2  # it was ready to work, and not let
            still += not starved
            held = self._limits.held(still, _worked_seconds(thread) - worked)
            if self._limits.stalled(still):
                end("ended, the event loop stands still", {"at": _places(thread)})
            elif held and not ended and (ended := end_holder(self._loop, thread)):
                still = 0  # the loop has as long again to come back
                log.error("call ended, its work held the event loop", extra={"fields": {"rpc": ended}})


def _worked_seconds(thread: int) -> float:
    """Return a thread's processor time in seconds: unlike wall time it does not grow with other programs' load."""
    if sys.platform == "linux":
        return time.clock_gettime(time.pthread_getcpuclockid(thread))
    return time.monotonic()  # there is no clock of a thread


def _places(thread: int) -> list[str]:
    frame = sys._current_frames().get(thread)
    return [f"{each.filename.rsplit('/', 1)[-1]}:{each.lineno} {each.name}" for each in traceback.extract_stack(frame)]
