from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from services.asr import spans
from services.asr.spans import SegmentSpans

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


def test_a_segment_is_one_span_from_its_first_audio_under_the_trace_it_belongs_to(
    exported: InMemorySpanExporter,
) -> None:
    segment_spans = SegmentSpans()
    before = time.time_ns()
    segment_spans.begin()
    segment_spans.engine_works()
    segment_spans.engine_rests()
    segment_spans.belongs(3, TRACEPARENT)
    segment_spans.end(3, 32_000)
    span = only(exported)
    assert span.name == "asr.recognize"
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}-{span.parent.span_id:016x}" in TRACEPARENT
    assert span.start_time is not None
    assert span.end_time is not None
    assert before <= span.start_time <= span.end_time
    assert span.attributes is not None
    assert (span.attributes["segment.id"], span.attributes["audio.ms"]) == (3, 2000)
    assert set(span.attributes) == {"segment.id", "audio.ms", "compute.seconds"}


def test_a_segment_without_words_is_no_span(exported: InMemorySpanExporter) -> None:
    segment_spans = SegmentSpans()
    segment_spans.begin()
    segment_spans.discard()
    assert not exported.get_finished_spans()


def test_a_session_that_breaks_ends_the_span_of_its_open_segment_as_failed(exported: InMemorySpanExporter) -> None:
    def session() -> None:
        with SegmentSpans() as segment_spans:
            segment_spans.begin()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        session()
    assert only(exported).status.status_code is StatusCode.ERROR


def test_traces_that_come_ahead_are_bounded(exported: InMemorySpanExporter) -> None:
    segment_spans = SegmentSpans()
    for segment_id in range(1000):
        segment_spans.belongs(segment_id, TRACEPARENT)
    segment_spans.begin()
    segment_spans.end(999, 0)
    segment_spans.begin()
    segment_spans.end(1, 0)
    parents = [span.parent for span in exported.get_finished_spans()]
    assert [parent is not None for parent in parents] == [True, False]
