from __future__ import annotations

import asyncio

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.common.engines.load import WINDOW_SECONDS, Load
from services.common.engines.simulation import DeviceSettings, SimulatedDevice
from services.common.telemetry import tracing
from tests.unit.common.instant import run_at_once


def seconds_for(calls: int, settings: DeviceSettings) -> float:
    async def took() -> float:
        device = SimulatedDevice(settings, Load("mt", settings.batch))
        await asyncio.gather(*(device.compute() for _ in range(calls)))
        return asyncio.get_running_loop().time()

    return run_at_once(took())


def test_calls_that_come_while_the_device_is_busy_share_a_batch() -> None:
    # The first call finds the device idle and goes alone; seven share the second batch.
    assert seconds_for(8, DeviceSettings(compute_ms=40, batch=8)) == pytest.approx(0.080)


def test_without_batches_each_call_waits_its_turn() -> None:
    assert seconds_for(8, DeviceSettings(compute_ms=20, batch=1)) == pytest.approx(0.160)


def test_a_batch_that_waits_is_joined() -> None:
    assert seconds_for(8, DeviceSettings(compute_ms=40, batch=8, batch_wait_ms=10)) == pytest.approx(0.050)


async def test_a_call_that_gives_up_holds_nobody_up() -> None:
    device = SimulatedDevice(DeviceSettings(compute_ms=20, batch=1), Load("mt"))
    impatient = asyncio.ensure_future(device.compute())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait_for(device.compute(), 60)


def test_its_load_is_what_its_batches_hold_and_what_their_calls_waited() -> None:
    async def busy() -> Load:
        settings = DeviceSettings(compute_ms=80, batch=4)
        load = Load("mt", settings.batch, asyncio.get_running_loop().time)
        device = SimulatedDevice(settings, load)
        await asyncio.gather(*(device.compute() for _ in range(6)))  # alone, four, and the last one
        return load

    load = run_at_once(busy())
    assert load.fill * WINDOW_SECONDS == pytest.approx((1 + 4 + 1) / 4 * 0.080)
    assert load.queue_seconds == pytest.approx((0 + 4 * 0.080 + 0.160) / 6)


def test_a_call_that_gave_up_keeps_its_place_until_its_batch_is_through() -> None:
    async def busy() -> Load:
        load = Load("mt", clock=asyncio.get_running_loop().time)
        device = SimulatedDevice(DeviceSettings(compute_ms=60, batch=1), load)
        impatient = asyncio.ensure_future(device.compute())
        await asyncio.sleep(0)
        impatient.cancel()
        await device.compute()
        return load

    assert run_at_once(busy()).fill * WINDOW_SECONDS == pytest.approx(0.120)  # two batches of 60 ms


async def test_a_batch_is_a_span_linked_to_its_calls_and_they_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "tracer", provider.get_tracer("test"))
    device = SimulatedDevice(DeviceSettings(compute_ms=5, batch=2, batch_wait_ms=500), Load("mt", 2))

    async def call(name: str) -> None:
        with tracing.tracer.start_as_current_span(name):
            await device.compute()

    await asyncio.gather(call("one"), call("other"))
    provider.shutdown()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    batch = spans["scripted.batch"]
    assert {link.context.span_id for link in batch.links} == {spans[name].context.span_id for name in ("one", "other")}
    assert [link.context.span_id for link in spans["one"].links] == [batch.context.span_id]
    assert dict(batch.attributes or {}) == {"babelmesh.batch.items": 2}
