"""A simulated device, for scripted engines: compute time and batching without a GPU."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from math import inf

from pydantic import BaseModel, ConfigDict, Field

from services.common.load import Load


class DeviceSettings(BaseModel):
    """What a scripted engine's device is like."""

    model_config = ConfigDict(extra="forbid")

    compute_ms: float = Field(0.0, ge=0, description="Milliseconds the simulated device needs for a batch.")
    batch: int = Field(1, ge=1, description="Calls that may share one batch.")
    batch_wait_ms: float = Field(0.0, ge=0, description="Milliseconds a batch waits for more calls.")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Calls that are computed at once."""

    starts: float  # on the monotonic clock
    calls: list[object] = field(default_factory=list)


class SimulatedDevice:
    """A device that computes one batch after the other; calls that come before a batch starts share it.

    It keeps no lock and no task, only its newest batch: whoever stops waiting disturbs nobody. Their calls keep their
    places, though, and `load` is told of them as of the others.
    """

    def __init__(self, settings: DeviceSettings, load: Load) -> None:
        self._settings = settings
        self._load = load
        self._newest = Batch(-inf)
        self._running: Batch | None = None

    async def compute(self, max_wait_ms: float | None = None) -> None:
        """Returns when the batch with this call in it would be through.

        The first call of a batch makes it wait for others: as long as the device is set to, or as this call allows.
        """
        wait_ms = self._settings.batch_wait_ms
        wait_seconds = (wait_ms if max_wait_ms is None else min(wait_ms, max_wait_ms)) / 1000
        compute_seconds = self._settings.compute_ms / 1000
        if not compute_seconds:
            return
        now = time.monotonic()
        if self._newest.starts <= now or len(self._newest.calls) >= self._settings.batch:
            free = self._newest.starts + compute_seconds
            self._newest = Batch(max(now + wait_seconds, free))
            loop = asyncio.get_running_loop()
            loop.call_later(self._newest.starts - now, self._begin, self._newest)
            loop.call_later(self._newest.starts + compute_seconds - now, self._end, self._newest)
        call = object()
        self._newest.calls.append(call)
        self._load.enter(call)
        await asyncio.sleep(self._newest.starts + compute_seconds - now)

    def _begin(self, batch: Batch) -> None:
        """No other joins it, and the one before has ended, whether that was told already or not."""
        if self._running:
            self._end(self._running)
        self._running = batch
        self._load.leave(*batch.calls)
        self._load.work(len(batch.calls))

    def _end(self, batch: Batch) -> None:
        if self._running is batch:
            self._running = None
            self._load.work(-len(batch.calls))
