"""A simulated device, for scripted engines: compute time and batching without a GPU."""

from __future__ import annotations

import asyncio
import time

from pydantic import BaseModel, ConfigDict, Field

from services.common.load import Load


class DeviceSettings(BaseModel):
    """What a scripted engine's device is like."""

    model_config = ConfigDict(extra="forbid")

    compute_ms: float = Field(0.0, ge=0, description="Milliseconds the simulated device needs for a batch.")
    batch: int = Field(1, ge=1, description="Calls that may share one batch.")
    batch_wait_ms: float = Field(0.0, ge=0, description="Milliseconds a batch waits for more calls.")


class SimulatedDevice:
    """A device that computes one batch after the other; calls that come before a batch starts share it.

    It keeps no lock and no task, only the start of its newest batch: whoever stops waiting disturbs nobody. Their calls
    keep their places in their batches, though, and `load` is told of them as of the others.
    """

    def __init__(self, settings: DeviceSettings, load: Load) -> None:
        self._settings = settings
        self._load = load
        self._starts = 0.0  # of the newest batch, on the monotonic clock
        self._calls = 0  # in it

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
        if self._starts <= now or self._calls >= self._settings.batch:
            free = self._starts + compute_seconds
            self._starts, self._calls = max(now + wait_seconds, free), 0
        self._calls += 1
        self._tell(self._starts - now, compute_seconds)
        await asyncio.sleep(self._starts + compute_seconds - now)

    def _tell(self, wait_seconds: float, compute_seconds: float) -> None:
        """Has the load told when a call's batch begins, and when it ends."""
        call, loop = object(), asyncio.get_running_loop()
        self._load.enter(call)

        def begin() -> None:
            self._load.leave(call)
            self._load.work(1)

        if wait_seconds > 0:
            loop.call_later(wait_seconds, begin)
        else:
            begin()
        loop.call_later(wait_seconds + compute_seconds, self._load.work, -1)
