"""Trace spans of a session's segments: one `asr.recognize` each, from its first audio to its final."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from opentelemetry import context as trace_context
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import StatusCode

from services.common.audio.pcm import ASR_RATE
from services.common.telemetry.tracing import tracer

NAME = "asr.recognize"
_PARENTS_KEPT = 16  # traces that came ahead of their segments


class SegmentSpans:
    """Records a segment's span when its final is made: only then are its number and its parent known.

    As a context manager it also ends, as failed, the span of a segment the block was left in the middle of.
    """

    def __init__(self) -> None:
        self._call = trace_context.get_current()
        self._parents: dict[int, Context] = {}
        self._started_ns: int | None = None  # wall clock; None while no segment is open
        self.compute_seconds = 0.0  # the engine was awaited so long for the open segment
        self._works_since = 0.0

    def belongs(self, segment_id: int, traceparent: str) -> None:
        """Put the span of a segment under a W3C trace context."""
        self._parents[segment_id] = propagate.extract({"traceparent": traceparent})
        while len(self._parents) > _PARENTS_KEPT:
            del self._parents[min(self._parents)]

    def begin(self) -> None:
        """Record that the first audio of a segment is here: its span starts now."""
        self._started_ns = time.time_ns()
        self.compute_seconds = 0.0

    def engine_works(self) -> None:
        """Record that the engine is awaited from now on."""
        self._works_since = time.perf_counter()

    def engine_rests(self) -> None:
        """Record that the engine answered or asks for more: it is no longer awaited."""
        self.compute_seconds += time.perf_counter() - self._works_since

    def end(self, segment_id: int, audio_samples: int) -> None:
        """Record the span of the open segment, whose final is there."""
        self._record(segment_id, audio_samples, None)

    def discard(self) -> None:
        """Discard the open segment's span, if there is one: the segment turned out to hold no words."""
        self._started_ns = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is not None:
            self._record(0, 0, kind)

    def _record(self, segment_id: int, audio_samples: int, failure: type[BaseException] | None) -> None:
        if self._started_ns is None:
            return
        parent = self._parents.pop(segment_id, self._call)
        span = tracer.start_span(NAME, parent, start_time=self._started_ns)
        self._started_ns = None
        if span.is_recording():
            span.set_attribute("segment.id", segment_id)
            span.set_attribute("audio.ms", audio_samples * 1000 // ASR_RATE)
            span.set_attribute("compute.seconds", round(self.compute_seconds, 6))
        if failure is not None:
            span.set_status(StatusCode.ERROR, failure.__name__)
        span.end()
