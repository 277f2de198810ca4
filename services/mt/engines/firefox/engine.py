"""Firefox Translations' models on ONNX Runtime, translating the texts of all sessions together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from services.common.engines.load import Load
from services.common.engines.versions import Version
from services.common.neural.bundles import opened
from services.common.neural.devices import chosen
from services.common.server import memory
from services.mt.engine import Pair, Source, Translation
from services.mt.engines.firefox.batch import Batch
from services.mt.engines.firefox.loading import Asking, load
from services.mt.engines.firefox.table import MOST_POSITIONS
from services.mt.neural.loop import Loop
from services.mt.neural.served import Models
from services.mt.neural.translating import Bounds, Translating
from services.mt.settings import FirefoxSettings, MtSettings

LAYOUTS = ("marian-intgemm8",)
_MOST_AT_ONCE = 100  # ids of a source: of longer ones these small models make loops


class Engine:
    """Translates with Firefox models, a bundle per pair; several bundles for a pair share its sessions."""

    name = "firefox"
    starts_programs = False
    shaped = True
    continues_prefix = True

    def __init__(self, settings: MtSettings) -> None:
        self._settings: FirefoxSettings = settings.firefox.some("MT", "FIREFOX")
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
        settings = self._settings
        device = chosen(settings.device, settings.threads)
        asking = Asking(device, settings.precision, settings.shortlist)
        for served in settings.bundles:
            bundle = await asyncio.to_thread(opened, served.path, "mt", "firefox", LAYOUTS)
            loaded = await asyncio.to_thread(load, bundle, asking)
            batch = Batch(loaded.model, loaded.choice, settings.max_batch)
            loop = Loop(batch, settings.queue, self.load.part(batch.most))
            bounds = Bounds(_MOST_AT_ONCE, MOST_POSITIONS, settings.longest_ratio, loaded.pieces.end)
            model = Translating(loaded.pieces, loop, loaded.choice.begins, bounds)
            await self._models.add(bundle.manifest, served.weight, model)
        await asyncio.to_thread(memory.trim)
        versions = self._models.versions
        self.pairs, self.version, self.device = tuple(versions), versions.names, device.name

    async def stop(self) -> None:
        """Stop the decoding loops and release all models."""
        await self._models.close()

    async def translate(self, source: Source) -> Translation:
        """Translate a text with the model that its session's affinity picks. Raises StageFailed, AtCapacity."""
        return await self._models.translate(source)
