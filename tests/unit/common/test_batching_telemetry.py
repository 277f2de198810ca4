"""The spans and the metrics of batches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.common.errors import AtCapacity
from services.common.neural.batching import Batcher, Item, Limits
from services.common.telemetry import tracing
from tests.measured import measured


def doubled(batch: Sequence[int]) -> Sequence[int]:
    return [2 * number for number in batch]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def linked(span: ReadableSpan) -> set[int]:
    return {link.context.span_id for link in span.links}


async def test_a_batch_is_a_span_linked_to_its_members_and_they_to_it(spans: InMemorySpanExporter) -> None:
    async def member(batcher: Batcher[int, int], number: int) -> None:
        with tracing.tracer.start_as_current_span(f"member {number}"):
            await batcher.submit(Item(number))

    async with Batcher("mt.encode", doubled) as batcher:
        await asyncio.gather(batcher.submit(Item(3)), member(batcher, 1), member(batcher, 2))
    by_name = {span.name: span for span in spans.get_finished_spans()}
    batch = by_name["mt.encode.batch"]
    members = [by_name["member 1"], by_name["member 2"]]
    assert linked(batch) == {member.context.span_id for member in members}
    assert [linked(member) for member in members] == [{batch.context.span_id}] * 2
    assert len({span.context.trace_id for span in (batch, *members)}) == 3
    assert dict(batch.attributes or {}) == {"babelmesh.batch.items": 3, "babelmesh.batch.reason": "idle"}


async def test_a_batch_that_failed_is_seen_by_its_kind_and_not_by_its_words(spans: InMemorySpanExporter) -> None:
    def fails(batch: Sequence[int]) -> Sequence[int]:
        raise ValueError("Buenos días")

    async with Batcher("mt.encode", fails) as batcher:
        with pytest.raises(ValueError, match="Buenos"):
            await batcher.submit(Item(1))
    (batch,) = spans.get_finished_spans()
    assert batch.status.description == "ValueError"
    assert "Buenos" not in batch.to_json()


async def test_metrics_say_how_large_batches_were_and_why_they_went() -> None:
    with measured() as seen:
        async with Batcher("mt.encode", doubled, Limits(most_items=4, wait_ms=0, queue_items=5)) as batcher:
            await batcher.submit(Item(0, cost=30))
            many = (batcher.submit(Item(n, cost=10)) for n in range(7))
            answers = await asyncio.gather(*many, return_exceptions=True)
        items, cost, waited = (seen.only(f"batch.{name}") for name in ("items", "cost", "queue"))
        dispatches, sheds = seen.values("batch.dispatches"), seen.values("batch.sheds")
    assert sum(isinstance(answer, AtCapacity) for answer in answers) == 2
    assert dispatches == {("mt.encode", "alone"): 2, ("mt.encode", "full"): 1}
    of = {"batcher": "mt.encode"}
    assert (items.attributes, items.count, items.sum, cost.sum, waited.count) == (of, 3, 6, 80, 6)
    assert sheds == {("mt.encode",): 2}
