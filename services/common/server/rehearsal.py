"""Simulated faults, apart from the wire: which is armed, when it strikes, and its effects."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import time
from dataclasses import dataclass
from enum import Enum
from typing import Final

from services.common.errors import StageFailed
from services.common.server.memory import MemoryHog

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 0.05  # for the answer to whoever armed it, before the process breaks


class Kind(Enum):
    """The kinds of simulated faults. The values are the contract's names."""

    CRASH = "FAULT_KIND_CRASH"
    HANG = "FAULT_KIND_HANG"
    BLOCK_LOOP = "FAULT_KIND_BLOCK_LOOP"
    SLOW = "FAULT_KIND_SLOW"
    FAIL_NEXT = "FAULT_KIND_FAIL_NEXT"
    EXHAUST_MEMORY = "FAULT_KIND_EXHAUST_MEMORY"

    @property
    def of_engine(self) -> bool:
        """Whether the fault is the engine's; else it is the process's."""
        return self in (Kind.HANG, Kind.SLOW, Kind.FAIL_NEXT)

    @property
    def lasts(self) -> bool:
        """Whether the fault has a duration."""
        return self in (Kind.HANG, Kind.BLOCK_LOOP, Kind.SLOW)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to simulate: its kind, its time and its size."""

    kind: Kind
    after_ms: int = 0
    after_calls: int = 0  # steps of the engine from then on that still succeed
    duration_ms: int = 0  # 0: as long as the process lives
    factor: float = 1.0  # of SLOW
    memory_mib: int = 0  # of EXHAUST_MEMORY; 0: as many as there are

    @property
    def seconds(self) -> float:
        """Duration of the fault in seconds; infinite when it lasts as long as the process."""
        return self.duration_ms / 1000 if self.duration_ms else math.inf


class Rehearsal:
    """Holds the one fault that is armed or under way. Its engine calls are the steps that the watchdog sees."""

    def __init__(self) -> None:
        # Due: it strikes when no more calls are to succeed. Without one no step needs to begin or end here.
        self.fault: Fault | None = None
        self._calls_left = 0
        self._ends = -math.inf  # of the fault that goes on, by the loop's clock
        self._timer: asyncio.TimerHandle | None = None
        self._hog = MemoryHog()

    def arm(self, fault: Fault) -> None:
        """Arm a fault in place of the one before, even of one that is under way.

        A fault that breaks the process strikes a moment later, so that the request is still answered.
        """
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        self.fault, self._ends = None, -math.inf
        log.warning("fault armed", extra={"fields": {"kind": fault.kind.name}})
        if fault.after_ms or not fault.kind.of_engine:
            self._timer = loop.call_later(max(fault.after_ms / 1000, ANSWER_SECONDS), self._due, fault)
        else:
            self._due(fault)

    def _due(self, fault: Fault) -> None:
        if fault.kind.of_engine or fault.after_calls:
            self.fault, self._calls_left = fault, fault.after_calls
        else:
            self._break(fault)

    async def begins(self) -> None:
        """Begin a step of the engine. Raises StageFailed when the step is to fail, and blocks while it is to hang."""
        fault, now = self.fault, asyncio.get_running_loop().time()
        if fault is None:
            return
        if self._calls_left:
            self._calls_left -= 1
            return
        if not fault.kind.lasts or not fault.kind.of_engine:
            self.fault = None
            self._break(fault)
            return
        if self._ends < 0:
            self._ends = now + fault.seconds
        if now >= self._ends:
            self.fault = None
        elif fault.kind is Kind.HANG:
            log.warning("fault struck", extra={"fields": {"kind": fault.kind.name}})
            await self._hang(self._ends - now)

    async def ends(self, worked_seconds: float) -> None:
        """End a step of the engine that took `worked_seconds`: a fault that slows it makes it wait longer."""
        fault = self.fault
        if fault and fault.kind is Kind.SLOW and asyncio.get_running_loop().time() < self._ends:
            await asyncio.sleep((fault.factor - 1) * worked_seconds)

    async def _hang(self, seconds: float) -> None:
        if math.isinf(seconds):
            await asyncio.Event().wait()
        await asyncio.sleep(seconds)

    def _break(self, fault: Fault) -> None:
        log.warning("fault struck", extra={"fields": {"kind": fault.kind.name}})
        match fault.kind:
            case Kind.CRASH:
                os.kill(os.getpid(), signal.SIGKILL)
            case Kind.BLOCK_LOOP:
                _stand_still(fault.seconds)
            case Kind.EXHAUST_MEMORY:
                self._hog.take(fault.memory_mib)
            case Kind.FAIL_NEXT:
                raise StageFailed("ENGINE_FAILED", "The engine failed as it was told to.", retry_after_ms=100)


def _stand_still(seconds: float) -> None:
    while math.isinf(seconds):
        time.sleep(3600)
    time.sleep(seconds)
