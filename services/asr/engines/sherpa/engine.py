"""sherpa-onnx with the models of its zoo: streaming ones, and ones that hear whole segments, made streaming.

See docs/engines/asr-sherpa.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack
from importlib import metadata

from services.asr.engine import Endpoint, Heard, Hypothesis, Speech, Terms
from services.asr.engines.sherpa import layouts, model
from services.asr.engines.sherpa.model import Batches, Loaded, Served, Session
from services.asr.neural.measures import measures
from services.asr.neural.settling import AGREED, CERTAIN, all_alike
from services.asr.settings import AsrSettings
from services.common.engines.load import Load
from services.common.engines.versions import Version, Versions
from services.common.errors import StageFailed
from services.common.neural.batching import Limits
from services.common.neural.bundles import Bundle


class Engine:
    """sherpa-onnx models for all languages; sessions of a language are shared between the bundles that serve it."""

    name = "sherpa"

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings.sherpa.some("asr", "sherpa")
        self._slots = settings.slots
        self._versions: Versions[str, Served] = Versions()
        self._life = AsyncExitStack()  # of the batchers
        self.load = Load("asr", self._settings.max_batch)
        self.prefixes = AGREED
        self.biased = False
        self.written = False
        self.wideband = False
        self.device: str = settings.sherpa.device
        self.version = f"sherpa-onnx {metadata.version('sherpa-onnx')}"
        self.languages: tuple[str, ...] = ()
        self.patience_seconds = settings.sherpa.reply_seconds

    @property
    def versions(self) -> Iterator[tuple[Version[Served], float]]:
        """The model versions that are served, each with its share of the sessions."""
        return self._versions.reported()

    async def start(self) -> None:
        """Try and load every bundle's model. Raises InvalidArgument for a bundle it cannot serve, or a device that is
        missing.
        """
        options = self._settings
        provider = model.provider(options)
        limits = Limits(options.max_batch, wait_ms=options.wait_ms, queue_items=max(512, self._slots))
        made: list[tuple[Bundle, Loaded]] = []
        for served in options.bundles:
            bundle = await asyncio.to_thread(layouts.opened, served.path)
            for loaded in await model.loaded(bundle, options, provider, Batches(limits, self.load)):
                made.append((bundle, loaded))
                await self._life.enter_async_context(loaded.batcher)
                self._serve(bundle, loaded, served.weight)
        self.device = model.device_name(provider)
        self.languages = tuple(self._versions)
        self.version += f": {self._versions.names}"
        self.written = all_alike({bundle.folder: loaded.written for bundle, loaded in made}, "ASR_SHERPA__BUNDLES")
        self.biased = all(layouts.biased(bundle, options) for bundle, _ in made)
        greedy = options.decoding == "greedy"
        self.prefixes = CERTAIN if greedy and all(layouts.layout_of(bundle).streaming for bundle, _ in made) else AGREED

    async def stop(self) -> None:
        """Stop the batchers and release all models."""
        await self._life.aclose()

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        """Recognize the session's speech with the model that its affinity picks. Raises StageFailed."""
        version = self._versions.pick(language, affinity)
        session = version.model.session()
        heard_samples = 0  # of the open segment
        async for item in heard:
            with version.failing(StageFailed):
                hypothesis = await _answer(session, item)
            heard_samples += len(item.pcm) if isinstance(item, Speech) else 0
            if hypothesis:
                yield hypothesis
            if isinstance(item, Endpoint):
                if hypothesis and hypothesis.words:
                    version.answered(**measures(hypothesis, session.seconds, heard_samples))
                session.seconds, heard_samples = 0.0, 0

    def _serve(self, bundle: Bundle, loaded: Loaded, weight: float) -> None:
        manifest = bundle.manifest
        for language in loaded.languages:
            self._versions.add(language, Version(manifest.name, manifest.version, language, weight, loaded.served))


async def _answer(session: Session, item: Heard) -> Hypothesis | None:
    match item:
        case Speech():
            return await session.hear(item)
        case Endpoint():
            return await session.end()
        case Terms():
            session.bias(item)
            return None
