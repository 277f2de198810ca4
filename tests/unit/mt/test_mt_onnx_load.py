"""What continuous decoding tells of its load."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.common.engines.load import WINDOW_SECONDS, Load
from services.mt.engines.onnx.batch import Batch
from services.mt.engines.onnx.loading import Loaded
from services.mt.neural.jobs import Job
from services.mt.neural.loop import Loop
from tests.unit.mt.onnx_models import loaded
from tests.unit.mt.test_mt_onnx_decoding import SENTENCES, Held, text


async def asked(loop: Loop, model: Loaded, number: int) -> None:
    await loop.decode(Job(text(model, SENTENCES[number])))


async def test_the_load_is_the_texts_in_decoding_and_what_others_wait_for_a_place() -> None:
    model, now = loaded(rows=1), [0.0]
    load = Load("mt", 1, lambda: now[0])
    held: Any = Held(model.model)
    loop = Loop(Batch(held, model.tokenizer.begins(model.ids)), 8, load)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asked(loop, model, 0))
        await asyncio.to_thread(held.entered.acquire)
        waits = tasks.create_task(asked(loop, model, 1))
        gives_up = tasks.create_task(asked(loop, model, 2))
        await asyncio.sleep(0)
        now[0] = 2.0
        assert load.fill == pytest.approx(2 / WINDOW_SECONDS)
        assert load.queue_seconds == pytest.approx((0 + 2 + 2) / 3)
        gives_up.cancel()
        await asyncio.wait([gives_up])
        now[0] = 3.0
        assert load.queue_seconds == pytest.approx((0 + 3 + 2) / 3)
        held.steps.release(1_000)
        await waits
    await loop.close()
    now[0] = 4.0
    assert load.fill == pytest.approx(3 / WINDOW_SECONDS)
    assert load.queue_seconds == pytest.approx((0 + 3 + 2) / 3)
