"""Streaming recognizers of NeMo's on ONNX Runtime, on a GPU or not: the steps of all sessions are batched.

See docs/engines/asr-onnx.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from services.asr.engine import Endpoint, Heard, Hypothesis, Speech, Terms
from services.asr.engines.onnx.layout import FRAME_MS
from services.asr.engines.onnx.model import LAYOUTS, opened
from services.asr.engines.onnx.segment import Segment, Served
from services.asr.neural.settling import AGREED, CERTAIN, all_alike
from services.asr.settings import AsrSettings
from services.common.engines.load import Load
from services.common.engines.versions import Version, Versions
from services.common.errors import StageFailed
from services.common.neural import bundles, devices
from services.common.neural.batching import Batcher, Limits


class Engine:
    """Streaming NeMo models for all languages; sessions of a language are shared between the bundles that serve it."""

    name = "onnx"
    starts_programs = False

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings.onnx.some("asr", "onnx")
        self._slots = settings.slots
        self._versions: Versions[str, Served] = Versions()
        self._life = AsyncExitStack()  # of the batchers
        self.load = Load("asr", self._settings.max_batch)
        self.biased = settings.onnx.decoding == "beam"
        self.prefixes = AGREED if self.biased else CERTAIN
        self.written = False
        self.wideband = False
        self.device: str = settings.onnx.device
        self.version = ""
        self.languages: tuple[str, ...] = ()
        self.patience_seconds = settings.onnx.reply_seconds

    @property
    def versions(self) -> Iterator[tuple[Version[Served], float]]:
        """The model versions that are served, each with its share of the sessions."""
        return self._versions.reported()

    async def start(self) -> None:
        """Load every bundle's model and warm it up. Raises InvalidArgument for a bundle that cannot be served."""
        options = self._settings
        device = devices.chosen(options.device, options.threads)
        self.device = device.name
        written: dict[Path, bool] = {}
        limits = Limits(options.max_batch, wait_ms=options.wait_ms, queue_items=max(512, self._slots))
        for served in options.bundles:
            bundle = await asyncio.to_thread(bundles.opened, served.path, "asr", "onnx", LAYOUTS)
            model = await asyncio.to_thread(opened, bundle, options, self._slots, device)
            part = self.load.part(options.max_batch)
            batcher = await self._life.enter_async_context(Batcher("asr.step", model.advance, limits, part))
            manifest = bundle.manifest
            for language in manifest.languages:
                version = Version(manifest.name, manifest.version, language, served.weight, Served(model, batcher))
                self._versions.add(language, version)
            written[served.path] = model.tokens.written
        self.written = all_alike(written, "ASR_ONNX__BUNDLES")
        self.languages = tuple(self._versions)
        self.version = self._versions.names

    async def stop(self) -> None:
        """Stop the batchers and release all models."""
        await self._life.aclose()

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        """Recognize the session's speech step by step, in batches with other sessions. Raises StageFailed,
        AtCapacity.
        """
        version = self._versions.pick(language, affinity)
        session = _Session(version, self._settings.hotword_score)
        try:
            async for item in heard:
                with version.failing(StageFailed):
                    hypothesis = await self._answer(session, item)
                if hypothesis:
                    yield hypothesis
        finally:
            session.close()

    async def _answer(self, session: _Session, item: Heard) -> Hypothesis | None:
        match item:
            case Speech():
                return await session.hear(item)
            case Endpoint():
                return await session.end(self._settings.tail_ms // FRAME_MS)
            case Terms():
                session.bias(item)
                return None


class _Session:
    """Recognizes the segments of one session, one after the other, with one model version."""

    def __init__(self, version: Version[Served], hotword_score: float) -> None:
        self._version = version
        self._score = hotword_score
        self._hotwords = version.model.model.hotwords((), hotword_score)
        self._segment: Segment | None = None

    async def hear(self, speech: Speech) -> Hypothesis | None:
        if self._segment is None:
            self._segment = Segment(self._version.model, self, speech.offset_samples, self._hotwords)
        stepped = await self._segment.hear(speech)
        guess = self._segment.interim() if stepped else None
        return guess if guess and guess.words else None

    async def end(self, tail_frames: int) -> Hypothesis:
        if self._segment is None:
            return Hypothesis((), final=True)
        final = await self._segment.end(tail_frames)
        if final.words:
            self._version.answered(**self._segment.measures(final))
        self.close()
        return final

    def bias(self, terms: Terms) -> None:
        self._hotwords = self._version.model.model.hotwords(terms.phrases, self._score)

    def close(self) -> None:
        if self._segment:
            self._segment.close()
            self._segment = None
