"""The spans and the metrics of decoding, and what crosses between the host and the device for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.common.errors import AtCapacity, StageFailed
from services.common.telemetry import tracing
from services.mt.engines.onnx.batch import Batch
from services.mt.engines.onnx.loading import Loaded
from services.mt.neural.jobs import Job
from services.mt.neural.loop import Loop
from services.mt.neural.watching import NAME
from tests.measured import Measured, measured
from tests.unit.mt.onnx_models import batch, loaded
from tests.unit.mt.test_mt_onnx_decoding import SENTENCES, Breaking, Held, fault, text

OF = {"batcher": NAME}
BYTES_OF_AN_ID = 8


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


@pytest.fixture
def metrics() -> Iterator[Measured]:
    with measured() as seen:
        yield seen


def held_loop(model: Loaded, queue: int) -> tuple[Loop, Any]:
    held: Any = Held(model.model)
    return Loop(Batch(held, model.tokenizer.begins(model.ids)), queue), held


async def member(loop: Loop, model: Loaded, number: int) -> None:
    with tracing.tracer.start_as_current_span(f"member {number}"):
        await loop.decode(Job(text(model, SENTENCES[number])))


def linked(span: ReadableSpan) -> set[int]:
    return {link.context.span_id for link in span.links}


async def test_texts_that_join_together_share_a_span_linked_to_each_and_each_to_it(spans: InMemorySpanExporter) -> None:
    model = loaded(rows=4)
    loop, held = held_loop(model, queue=8)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(member(loop, model, 0))
        await asyncio.to_thread(held.entered.acquire)
        for number in (1, 2):
            tasks.create_task(member(loop, model, number))
        await asyncio.sleep(0)
        held.steps.release(1_000)
    await loop.close()
    finished = spans.get_finished_spans()
    first, second = (span for span in finished if span.name == "mt.decode.join")
    members = [span for number in range(3) for span in finished if span.name == f"member {number}"]
    assert linked(first) == {members[0].context.span_id}
    assert linked(second) == {each.context.span_id for each in members[1:]}
    assert [linked(each) for each in members] == [{first.context.span_id}, *[{second.context.span_id}] * 2]
    assert second.context.trace_id not in {each.context.trace_id for each in (first, *members)}
    told = {"babelmesh.batch.items": 2, "babelmesh.decode.waited": 0, "babelmesh.decode.running": 1}
    assert dict(second.attributes or {}) == told
    assert len(finished) == 5  # none of a step


async def test_a_group_that_could_not_join_is_seen_by_the_kind_of_its_fault(spans: InMemorySpanExporter) -> None:
    model = loaded(rows=4)
    one = text(model, SENTENCES[0])
    broken: Any = Breaking(model.model, one.source[0], late=False)
    loop = Loop(Batch(broken, model.tokenizer.begins(model.ids)), queue=8)
    with pytest.raises(StageFailed):
        await loop.decode(Job(one))
    await loop.close()
    (joined,) = spans.get_finished_spans()
    assert joined.status.description == "MemoryError"


async def test_metrics_tell_why_texts_waited_and_how_many_rows_a_step_has(metrics: Measured) -> None:
    model = loaded(rows=1)
    loop, held = held_loop(model, queue=2)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(member(loop, model, 0))
        await asyncio.to_thread(held.entered.acquire)
        for number in (1, 2):
            tasks.create_task(member(loop, model, number))
        await asyncio.sleep(0)
        with pytest.raises(AtCapacity):
            await loop.decode(Job(text(model, SENTENCES[3])))
        held.steps.release(1_000)
    await loop.close()
    assert metrics.values("decode.joins") == {(NAME, "free"): 1, (NAME, "waited"): 2}
    rows, waited, sheds = (metrics.only(name) for name in ("decode.rows", "batch.queue", "batch.sheds"))
    assert (rows.min, rows.max, waited.count, sheds.value) == (1, 1, 3, 1)
    assert (rows.attributes, waited.attributes, sheds.attributes) == (OF, OF, OF)


async def test_texts_begun_anew_after_a_failure_are_counted_as_such(metrics: Measured) -> None:
    model = loaded(rows=4)
    good, bad = (text(model, sentence) for sentence in SENTENCES[:2])
    held: Any = Held(Breaking(model.model, next(iter({*bad.source} - {*good.source})), late=True))
    loop = Loop(Batch(held, model.tokenizer.begins(model.ids)), queue=8)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(loop.decode(Job(good)))
        await asyncio.to_thread(held.entered.acquire)
        failing = tasks.create_task(fault(loop, Job(bad)))
        await asyncio.sleep(0)
        held.steps.release(1_000)
    await loop.close()
    assert failing.result().code == "MT_ENGINE_FAILED"
    assert metrics.values("decode.joins") == {(NAME, "free"): 2, (NAME, "again"): 2}
    assert metrics.only("batch.queue").count == 2


async def test_what_crossed_is_counted_both_ways(metrics: Measured) -> None:
    model = loaded(rows=4)
    loop = Loop(batch(model), queue=8)
    await loop.decode(Job(text(model, SENTENCES[0])))
    await loop.close()
    crossed = metrics.values("decode.bytes")
    assert crossed == {(NAME, "in"): model.model.bytes_in, (NAME, "out"): model.model.bytes_out}


@pytest.mark.parametrize("count", [1, 4])
def test_a_greedy_step_brings_ids_and_positions_and_takes_ids_and_scores(count: int) -> None:
    """Whatever the sizes of the vocabulary and of what is remembered: a few numbers a row."""
    model = loaded(rows=4)
    under_way = batch(model)
    under_way.join([Job(text(model, SENTENCES[number])) for number in range(count)])
    under_way.step()  # the first one after a change tells the lengths of the sources, too
    before = under_way.crossed
    under_way.step()
    assert len(under_way.jobs) == count
    into, out = (now - then for now, then in zip(under_way.crossed, before, strict=True))
    assert into == 2 * BYTES_OF_AN_ID * count  # an id and its position
    assert out == (BYTES_OF_AN_ID + 4 + 4) * count  # an id, its score, and that of one asked for besides
