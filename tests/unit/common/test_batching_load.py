"""What a batcher tells of what waits for it, and of what is on the device."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from services.common.engines.load import WINDOW_SECONDS, Load
from services.common.neural.batching import Batcher, Item, Limits


class Device:
    """Computes when it is let, at a time the test says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.load = Load("mt", 2, lambda: self.now)
        self.entered = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def compute(self, batch: Sequence[int]) -> Sequence[int]:
        self.entered.release()
        self.go.acquire()
        if 13 in batch:
            raise ValueError("13")
        return batch

    def batcher(self) -> Batcher[int, int]:
        return Batcher("mt.encode", self.compute, Limits(2, wait_ms=0), self.load)

    async def busy(self) -> None:
        await asyncio.to_thread(self.entered.acquire)


async def test_items_wait_until_their_batch_goes_and_are_in_work_until_it_has_ended() -> None:
    device = Device()
    async with device.batcher() as batcher, asyncio.TaskGroup() as group:
        group.create_task(batcher.submit(Item(1)))
        await device.busy()
        for number in (2, 3):
            group.create_task(batcher.submit(Item(number)))
        await asyncio.sleep(0)
        device.now = 1.0
        assert device.load.queue_seconds == pytest.approx((0 + 1 + 1) / 3)
        assert device.load.fill == pytest.approx(1 / 2 * 1.0 / WINDOW_SECONDS)
        device.go.release()
        await device.busy()  # with the two
        device.now = 3.0
        assert device.load.queue_seconds == pytest.approx((0 + 1 + 1) / 3)
        assert device.load.fill == pytest.approx((1 / 2 * 1.0 + 2 / 2 * 2.0) / WINDOW_SECONDS)
        device.go.release()
    device.now = 3.0 + 2 * WINDOW_SECONDS
    assert (device.load.queue_seconds, device.load.fill) == (0, 0)


async def test_an_item_that_is_given_up_waits_no_more_and_its_batch_is_in_work_to_its_end() -> None:
    device = Device()
    async with device.batcher() as batcher:
        computed = asyncio.ensure_future(batcher.submit(Item(1)))
        await device.busy()
        waiting = asyncio.ensure_future(batcher.submit(Item(2)))
        await asyncio.sleep(0)
        device.now = 1.0
        computed.cancel()
        waiting.cancel()
        await asyncio.wait([computed, waiting])
        device.now = 2.0
        assert device.load.queue_seconds == pytest.approx((0 + 1) / 2)  # the second's ended with its patience
        assert device.load.fill == pytest.approx(1 / 2 * 2.0 / WINDOW_SECONDS)
        device.go.release()
    device.now = 2.0 + 2 * WINDOW_SECONDS
    assert (device.load.queue_seconds, device.load.fill) == (0, 0)


async def test_a_batch_that_fails_is_in_work_until_its_halves_are_through() -> None:
    device = Device()
    device.go.release(3)  # for both, and for each alone
    async with device.batcher() as batcher:
        answers = await asyncio.gather(*(batcher.submit(Item(n)) for n in (12, 13)), return_exceptions=True)
    assert answers[0] == 12
    assert isinstance(answers[1], ValueError)
    device.now = 2 * WINDOW_SECONDS
    assert device.load.fill == 0
