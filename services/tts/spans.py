"""Metrics of a clause and its span `tts.synthesize`, which parts the engine's time from the reader's."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

from opentelemetry.trace import StatusCode, use_span

from services.common.audio.pcm import from_bytes
from services.common.telemetry.tracing import tracer
from services.tts.engine import Clause
from services.tts.measures import Measures

NAME = "tts.synthesize"


class ClauseSpan:
    """The span of the block, with the amount of audio made in it and the time that the engine took.

    The pieces go to a reader between, who may be slow: only what was waited for in `next_piece` counts as compute.
    """

    def __init__(self, clause: Clause, sample_rate_hertz: int) -> None:
        self._span = tracer.start_span(NAME)
        self._measures = Measures(clause.voice.language, sample_rate_hertz)
        self._bytes_per_second = 2 * sample_rate_hertz
        self._byte_count = 0
        self._compute_seconds = 0.0
        self._first_audio_seconds = 0.0
        if self._span.is_recording():
            self._span.set_attribute("language", clause.voice.language)
            self._span.set_attribute("voice", clause.voice.name)
            self._span.set_attribute("speaking.rate", clause.speaking_rate)
            self._span.set_attribute("text.chars", len(clause.text))

    async def next_piece(self, pieces: AsyncGenerator[bytes, None]) -> bytes:
        """Await the next piece that the engine makes, and record its time; empty at the end."""
        asked = time.perf_counter()
        with use_span(self._span, record_exception=False, set_status_on_exception=False):  # batches link to it
            pcm = await anext(pieces, b"")
        self._compute_seconds += time.perf_counter() - asked
        if not self._byte_count:
            self._first_audio_seconds = self._compute_seconds
        self._byte_count += len(pcm)
        if pcm:
            self._measures.passed(from_bytes(pcm), self._compute_seconds)
        return pcm

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._span.is_recording():
            self._span.set_attribute("audio.seconds", round(self._byte_count / self._bytes_per_second, 3))
            self._span.set_attribute("compute.seconds", round(self._compute_seconds, 6))
            self._span.set_attribute("first.audio.seconds", round(self._first_audio_seconds, 6))
        if kind is not None:
            self._span.set_status(StatusCode.ERROR, kind.__name__)
        self._measures.end(kind is None, self._compute_seconds)
        self._span.end()
