"""Marian, M2M100 and NLLB models on CTranslate2, translating the texts of all sessions together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from services.common.engines.load import Load
from services.common.engines.versions import Version
from services.common.neural.bundles import opened
from services.common.neural.ctranslating import chosen
from services.mt.engine import Pair, Source, Translation
from services.mt.engines.ctranslate2.batch import Batch, loaded
from services.mt.engines.ctranslate2.pieces import LAYOUTS, Pieces
from services.mt.neural.loop import Loop
from services.mt.neural.served import Models
from services.mt.neural.translating import Bounds, Translating
from services.mt.settings import Ctranslate2Settings, MtSettings

_MOST_AT_ONCE = 200  # ids of a source: models were trained on sentences
_MOST_POSITIONS = 512  # ids of a translation, of the models there are


class Engine:
    """Translates with CTranslate2 models, a bundle per pair; several bundles for a pair share its sessions."""

    name = "ctranslate2"
    starts_programs = False
    continues_prefix = True
    shaped = True

    def __init__(self, settings: MtSettings) -> None:
        self._settings: Ctranslate2Settings = settings.ctranslate2.some("MT", "CTRANSLATE2")
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
        """Load the bundles' models. Raises InvalidArgument for a bundle that cannot be served, or a missing device."""
        settings = self._settings
        computing = chosen(settings, "MT_CTRANSLATE2__DEVICE")
        for served in settings.bundles:
            bundle = await asyncio.to_thread(opened, served.path, "mt", type(self).name, LAYOUTS)
            pieces = await asyncio.to_thread(Pieces, bundle)
            batch = Batch(await asyncio.to_thread(loaded, bundle, computing), pieces, settings.max_batch)
            loop = Loop(batch, settings.queue, self.load.part(batch.most))
            bounds = Bounds(_MOST_AT_ONCE, _MOST_POSITIONS, settings.longest_ratio, pieces.end)
            model = Translating(pieces, loop, pieces.begins(pieces.count), bounds)
            await self._models.add(bundle.manifest, served.weight, model)
        versions = self._models.versions
        self.pairs, self.version, self.device = tuple(versions), versions.names, computing.name

    async def stop(self) -> None:
        """Stop the decoding loops and release all models."""
        await self._models.close()

    async def translate(self, source: Source) -> Translation:
        """Translate a text with the model that its session's affinity picks. Raises StageFailed, AtCapacity."""
        return await self._models.translate(source)
