"""A simulated device, for scripted engines: compute time and batching without a GPU, and the spans of batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.trace import Span, get_current_span
from pydantic import BaseModel, ConfigDict, Field

from services.common.telemetry import shared_span


class DeviceSettings(BaseModel):
    """What a scripted engine's device is like."""

    model_config = ConfigDict(extra="forbid")

    compute_ms: float = Field(0.0, ge=0, description="Milliseconds the simulated device needs for a batch.")
    batch: int = Field(1, ge=1, description="Calls that may share one batch.")
    batch_wait_ms: float = Field(0.0, ge=0, description="Milliseconds a batch waits for more calls.")


@dataclass(slots=True)
class _Batch:
    starts: float  # on the monotonic clock
    members: list[Span] = field(default_factory=list)  # of each call, also of one without a trace
    begun: bool = False


class SimulatedDevice:
    """A device that computes one batch after the other; calls that come before a batch starts share it.

    It keeps no lock and no task, only its newest batch: whoever stops waiting disturbs nobody.
    """

    def __init__(self, settings: DeviceSettings) -> None:
        self._settings = settings
        self._batch = _Batch(0.0)  # the newest

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
        if self._batch.starts <= now or len(self._batch.members) >= self._settings.batch:
            self._batch = _Batch(max(now + wait_seconds, self._batch.starts + compute_seconds))
        batch = self._batch
        batch.members.append(get_current_span())
        await asyncio.sleep(batch.starts - now)
        with _span(batch):
            await asyncio.sleep(batch.starts + compute_seconds - time.monotonic())


@contextmanager
def _span(batch: _Batch) -> Iterator[None]:
    """The batch's span, linked to its members and they to it. The first of them to get here keeps it."""
    if batch.begun or not any(member.get_span_context().is_valid for member in batch.members):
        yield
        return
    batch.begun = True
    span = shared_span("scripted.batch", batch.members, {"babelmesh.batch.items": len(batch.members)})
    try:
        yield
    finally:
        span.end()
