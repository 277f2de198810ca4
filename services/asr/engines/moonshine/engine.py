"""The Moonshine engine: bundles with a batcher each; two of one language share its sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack

from services.asr.engine import Endpoint, Heard, Hypothesis, Speech, Terms
from services.asr.engines.moonshine.decoding import Draft
from services.asr.engines.moonshine.model import LAYOUTS, Model, Window, opened
from services.asr.engines.moonshine.pauses import CutRules
from services.asr.engines.moonshine.segment import Segments, Served
from services.asr.neural.settling import AGREED
from services.asr.settings import AsrSettings, MoonshineSettings
from services.common.audio.pcm import ASR_RATE
from services.common.engines.load import Load
from services.common.engines.versions import Version, Versions
from services.common.errors import StageFailed
from services.common.neural import bundles, devices
from services.common.neural.batching import Batcher, Limits

_PER_MS = ASR_RATE // 1000
_FIRST_MS = 300  # of speech between two hypotheses while a segment has no words


class Engine:
    """The Moonshine engine: models on ONNX Runtime, shared by all sessions through batchers."""

    name = "moonshine"
    starts_programs = False
    prefixes = AGREED
    biased = False
    wideband = False
    written = True

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings.moonshine.some("asr", "moonshine")
        self._slots = settings.slots
        self._versions: Versions[str, Served] = Versions()
        self._life = AsyncExitStack()  # of the batchers
        self.load = Load("asr", self._settings.max_batch)
        self.device: str = settings.moonshine.device
        self.version = ""
        self.languages: tuple[str, ...] = ()
        self.patience_seconds = settings.moonshine.reply_seconds

    @property
    def versions(self) -> Iterator[tuple[Version[Served], float]]:
        """The model versions that are served, each with its share of the sessions."""
        return self._versions.reported()

    async def start(self) -> None:
        """Load every bundle's model. Raises InvalidArgument for a bundle it cannot serve, or a missing device."""
        options = self._settings
        device = devices.chosen(options.device, options.threads)
        self.device = device.name
        limits = Limits(options.max_batch, wait_ms=options.wait_ms, queue_items=max(512, self._slots))
        for bundle_served in options.bundles:
            bundle = await asyncio.to_thread(bundles.opened, bundle_served.path, "asr", "moonshine", LAYOUTS)
            model = await asyncio.to_thread(opened, bundle, device)
            part = self.load.part(options.max_batch)
            batcher = await self._life.enter_async_context(Batcher("asr.window", model.recognize, limits, part))
            manifest, served = bundle.manifest, _served(model, batcher, options)
            for language in manifest.languages:
                version = Version(manifest.name, manifest.version, language, bundle_served.weight, served)
                self._versions.add(language, version)
        self.languages = tuple(self._versions)
        self.version = self._versions.names

    async def stop(self) -> None:
        """Stop the batchers and release all models."""
        await self._life.aclose()

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        """Recognize the session's speech in windows that are decoded again as they grow. Raises StageFailed,
        AtCapacity.
        """
        version = self._versions.pick(language, affinity)
        segments = Segments(version.model)
        async for item in heard:
            with version.failing(StageFailed):
                hypothesis = await _answer(segments, item)
            if hypothesis:
                yield hypothesis
            if hypothesis and hypothesis.final:
                measures = segments.measures(hypothesis)
                if hypothesis.words:
                    version.answered(**measures)


async def _answer(segments: Segments, item: Heard) -> Hypothesis | None:
    match item:
        case Speech():
            return await segments.hear(item)
        case Endpoint():
            return await segments.end()
        case Terms():
            return None  # the engine takes none, as `biased` says


def _served(model: Model, batcher: Batcher[Window, Draft], options: MoonshineSettings) -> Served:
    cuts = CutRules(
        least_samples=options.window_ms * _PER_MS // 2,
        pause_samples=options.pause_ms * _PER_MS,
        after_samples=options.after_ms * _PER_MS,
    )
    return Served(
        model,
        batcher,
        options.hypothesis_ms * _PER_MS,
        _FIRST_MS * _PER_MS,
        options.max_window_ms * _PER_MS,
        options.tail_ms * _PER_MS,
        cuts,
    )
