"""The engine's decoder, asked in ids: below texts, tokenizers and glossaries."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.common.neural import bundles
from services.common.neural.devices import Device, chosen
from services.common.neural.settings import Asked as AskedDevice
from services.mt.engines.onnx.batch import Batch
from services.mt.engines.onnx.loading import Asking, Precision, load
from services.mt.engines.onnx.model import Model
from services.mt.neural.jobs import Job, Text
from services.mt.neural.loop import Loop
from tests.models.mt.reference import Asked, ended

WAITING = 4096


@dataclass(frozen=True, slots=True)
class Way:
    """How a bundle is opened."""

    beams: int = 1
    places: int = 8  # most texts at the same time
    precision: Precision = "fp32"
    device: AskedDevice = "cpu"
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Ours:
    """A decoder that is running."""

    loop: Loop
    device: Device
    model: Model
    start: int
    end: int

    async def decoded(self, asked: Asked) -> tuple[int, ...]:
        """The ids of the best translation, with the prefix, without start and end."""
        text = Text(asked.source, (self.start, *asked.prefix), asked.longest)
        (ids, _), *_ = await self.loop.decode(Job(text))
        return (*asked.prefix, *ended(ids, self.end))


@asynccontextmanager
async def opened(folder: Path, way: Way = Way()) -> AsyncIterator[Ours]:
    """A bundle's decoder."""
    device = chosen(way.device, way.threads)
    asking = Asking(device, way.precision, rows=way.places * way.beams, beams=way.beams)
    loaded = load(bundles.read(folder), asking)
    ids = loaded.model.config.ids
    count = json.loads((folder / "config.json").read_text())["vocab_size"]
    loop = Loop(Batch(loaded.model, loaded.tokenizer.begins(count)), WAITING)
    try:
        yield Ours(loop, device, loaded.model, ids.start, ids.end)
    finally:
        await loop.close()
