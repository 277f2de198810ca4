from __future__ import annotations

import asyncio
import time

from services.common.simulation import DeviceSettings, SimulatedDevice


async def seconds_for(calls: int, settings: DeviceSettings) -> float:
    device = SimulatedDevice(settings)
    started = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(calls):
            tasks.create_task(device.compute())
    return time.monotonic() - started


async def test_calls_that_come_while_the_device_is_busy_share_a_batch() -> None:
    # The first call finds the device idle and goes alone; seven share the second batch.
    assert 0.08 <= await seconds_for(8, DeviceSettings(compute_ms=40, batch=8)) < 0.3  # and not 0.32


async def test_without_batches_each_call_waits_its_turn() -> None:
    assert await seconds_for(8, DeviceSettings(compute_ms=20, batch=1)) >= 0.16


async def test_a_batch_that_waits_is_joined() -> None:
    took = await seconds_for(8, DeviceSettings(compute_ms=40, batch=8, batch_wait_ms=10))
    assert 0.05 <= took < 0.3


async def test_a_call_that_gives_up_holds_nobody_up() -> None:
    device = SimulatedDevice(DeviceSettings(compute_ms=20, batch=1))
    impatient = asyncio.ensure_future(device.compute())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait_for(device.compute(), 0.2)
