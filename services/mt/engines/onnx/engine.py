"""Marian and M2M100 models on ONNX Runtime, on a GPU or not, decoding the texts of all sessions together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from services.common.engines.load import Load
from services.common.engines.versions import Version
from services.common.neural.bundles import opened
from services.common.neural.devices import chosen
from services.mt.engine import Pair, Source, Translation
from services.mt.engines.onnx.batch import Batch
from services.mt.engines.onnx.loading import Asking, load
from services.mt.neural.loop import Loop
from services.mt.neural.served import Models
from services.mt.neural.translating import Bounds, Translating
from services.mt.settings import MtSettings, OnnxSettings

LAYOUTS = ("marian", "m2m100")
_MOST_AT_ONCE = 200  # ids of a source: models were trained on sentences


class Engine:
    """Translates with ONNX models, a bundle per pair; several bundles for a pair share its sessions."""

    name = "onnx"
    starts_programs = False
    shaped = True
    continues_prefix = True

    def __init__(self, settings: MtSettings) -> None:
        self._settings: OnnxSettings = settings.onnx.some("MT", "ONNX")
        self._models = Models()
        self.load = Load("mt")  # of texts that are decoded together, or wait to be
        self.patience_seconds = self._settings.patience_seconds
        self.version = ""
        self.device = ""
        self.pairs: tuple[Pair, ...] = ()

    @property
    def versions(self) -> Iterator[tuple[Version[Any], float]]:
        """The model versions that are served, each with its share of the sessions."""
        return self._models.versions.reported()

    async def start(self) -> None:
        """Load the bundles' models on the device. Raises InvalidArgument for a bundle or a setting that cannot be
        served.
        """
        device = chosen(self._settings.device, self._settings.threads)
        asking = Asking(
            device,
            self._settings.precision,
            self._settings.rows,
            self._settings.beams,
            self._settings.length_penalty,
        )
        for served in self._settings.bundles:
            bundle = await asyncio.to_thread(opened, served.path, "mt", "onnx", LAYOUTS)
            loaded = await asyncio.to_thread(load, bundle, asking)
            begins = loaded.tokenizer.begins(loaded.ids)
            batch = Batch(loaded.model, begins)
            loop = Loop(batch, self._settings.queue, self.load.part(batch.most))
            config = loaded.model.config
            bounds = Bounds(
                min(_MOST_AT_ONCE, config.positions - 2),
                config.search.max_length,
                self._settings.longest_ratio,
                config.ids.end,
            )
            model = Translating(loaded.tokenizer, loop, begins, bounds)
            await self._models.add(bundle.manifest, served.weight, model)
        versions = self._models.versions
        self.pairs, self.version, self.device = tuple(versions), versions.names, device.name

    async def stop(self) -> None:
        """Stop the decoding loops and release all models."""
        await self._models.close()

    async def translate(self, source: Source) -> Translation:
        """Translate a text with the model that its session's affinity picks. Raises StageFailed, AtCapacity."""
        return await self._models.translate(source)
