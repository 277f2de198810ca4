"""A simulated device, for scripted engines: compute time and batching without a GPU, and the spans of batches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from opentelemetry.trace import INVALID_SPAN, Span, get_current_span
from pydantic import BaseModel, ConfigDict, Field

from services.common.engines.load import Load
from services.common.telemetry.tracing import shared_span


class DeviceSettings(BaseModel):
    """Settings of a scripted engine's simulated device."""

    model_config = ConfigDict(extra="forbid")

    compute_ms: float = Field(0.0, ge=0, description="Milliseconds the simulated device needs for a batch.")
    batch: int = Field(1, ge=1, description="Calls that may share one batch.")
    batch_wait_ms: float = Field(0.0, ge=0, description="Milliseconds a batch waits for more calls.")
    counts_tokens: bool = Field(True, description="Whether it counts tokens: words, and of a voice characters.")


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    span: Span = field(default_factory=get_current_span)  # that it is asked in


@dataclass(slots=True, eq=False)
class _Batch:
    """Calls that the simulated device computes at once."""

    starts: float  # on the loop's clock
    done: asyncio.Future[None]
    calls: list[_Call] = field(default_factory=list)
    span: Span = INVALID_SPAN  # linked to those of the calls, and they to it


class SimulatedDevice:
    """Simulates a device that computes one batch after the other; calls that come before a batch starts share it.

    It keeps no lock and no task, only its newest batch, so that a caller who stops waiting does not disturb others.
    Such a caller's call keeps its place, and `load` counts it like the others.
    """

    def __init__(self, settings: DeviceSettings, load: Load) -> None:
        self._most = settings.batch
        self._wait_ms = settings.batch_wait_ms
        self._compute_seconds = settings.compute_ms / 1000
        self._load = load
        self._newest: _Batch | None = None
        self._running: _Batch | None = None

    async def compute(self, max_wait_ms: float | None = None) -> None:
        """Wait until the batch with this call in it is computed.

        The first call of a batch makes it wait for others: as long as the device is set to, or as this call allows.
        """
        if not self._compute_seconds:
            return
        wait_ms = self._wait_ms if max_wait_ms is None else min(self._wait_ms, max_wait_ms)
        batch = self._joined(asyncio.get_running_loop().time(), wait_ms / 1000)
        call = _Call()
        batch.calls.append(call)
        self._load.enter(call)
        await asyncio.shield(batch.done)

    def _joined(self, now: float, wait_seconds: float) -> _Batch:
        """Return the newest batch, or a new one behind it where that has begun or is full."""
        newest = self._newest
        if newest is None or newest.starts <= now or len(newest.calls) >= self._most:
            loop = asyncio.get_running_loop()
            free = newest.starts + self._compute_seconds if newest else now
            newest = self._newest = _Batch(max(now + wait_seconds, free), loop.create_future())
            loop.call_later(newest.starts - now, self._begin, newest)
        return newest

    def _begin(self, batch: _Batch) -> None:
        """Begin a batch: no call joins it any more, and the batch before has ended, even if its timer fires later."""
        if self._running:
            self._end(self._running)
        self._running = batch
        self._load.leave(*batch.calls)
        self._load.work(len(batch.calls))
        spans = [call.span for call in batch.calls]
        if any(span.get_span_context().is_valid for span in spans):
            batch.span = shared_span("scripted.batch", spans, {"babelmesh.batch.items": len(spans)})
        loop = asyncio.get_running_loop()
        left_seconds = batch.starts + self._compute_seconds - loop.time()
        loop.call_later(max(0.0, left_seconds), self._end, batch)

    def _end(self, batch: _Batch) -> None:
        if self._running is batch:
            self._running = None
            self._load.work(-len(batch.calls))
            batch.span.end()
            batch.done.set_result(None)
