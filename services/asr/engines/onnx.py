"""Streaming recognizers of NeMo's on ONNX Runtime, on a GPU or not: the steps of all sessions are batched.

See docs/engines/asr-onnx.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from services.asr.engine import Endpoint, Heard, Hypothesis, PrefixRules, Speech, Stabilization, Terms
from services.asr.onnx.layout import FRAME_MS
from services.asr.onnx.model import LAYOUTS, opened
from services.asr.onnx.segment import Segment, Served
from services.asr.settings import AsrSettings
from services.common import bundles, devices
from services.common.batching import Batcher, Limits
from services.common.errors import InvalidArgument, StageFailed
from services.common.versions import Version, Versions

# A greedy search never changes a token: a word is certain when another has begun.
CERTAIN: Mapping[Stabilization, PrefixRules] = {
    Stabilization.FAST: PrefixRules(engine_told=True),
    Stabilization.BALANCED: PrefixRules(engine_told=True),
    Stabilization.AGGRESSIVE: PrefixRules(engine_told=True, held_words=1),
}
# What all hypotheses of a beam have in common is certain too, but comes late: unlikely ones live long.
SEARCHED: Mapping[Stabilization, PrefixRules] = {
    Stabilization.FAST: PrefixRules(agreement=2),
    Stabilization.BALANCED: PrefixRules(agreement=2, held_words=1),
    Stabilization.AGGRESSIVE: PrefixRules(agreement=3, held_words=1),
}


class Engine:
    """The models of all languages; two of one language share its sessions."""

    name = "onnx"

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings.onnx.some("asr", "onnx")
        self._slots = settings.slots
        self._versions: Versions[str, Served] = Versions()
        self._life = AsyncExitStack()  # of the batchers
        self.biased = settings.onnx.decoding == "beam"
        self.prefixes = SEARCHED if self.biased else CERTAIN
        self.written = False
        self.device: str = settings.onnx.device
        self.version = ""
        self.languages: tuple[str, ...] = ()
        self.patience_seconds = settings.onnx.reply_seconds

    @property
    def versions(self) -> Iterator[tuple[Version[Served], float]]:
        """See Engine."""
        return self._versions.reported()

    async def start(self) -> None:
        """See Engine. Raises InvalidArgument for a bundle it cannot serve."""
        options = self._settings
        device = devices.chosen(options.device, options.threads)
        self.device = device.name
        written: dict[Path, bool] = {}
        limits = Limits(options.max_batch, wait_ms=options.wait_ms, queue_items=max(512, self._slots))
        for served in options.bundles:
            bundle = await asyncio.to_thread(bundles.opened, served.path, "asr", "onnx", LAYOUTS)
            model = await asyncio.to_thread(opened, bundle, options, self._slots, device)
            batcher = await self._life.enter_async_context(Batcher("asr.step", model.advance, limits))
            manifest = bundle.manifest
            for language in manifest.languages:
                version = Version(manifest.name, manifest.version, language, served.weight, Served(model, batcher))
                self._versions.add(language, version)
            written[served.path] = model.tokens.written
        self.written = _all_alike(written)
        self.languages = tuple(self._versions)
        self.version = self._versions.names

    async def stop(self) -> None:
        """See Engine."""
        await self._life.aclose()

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        """See Engine."""
        version = self._versions.pick(language, affinity)
        session = _Session(version, self._settings.hotword_score)
        try:
            async for item in heard:
                with _failures(version):
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
    """One session's segments, one after the other."""

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


@contextmanager
def _failures(version: Version[Served]) -> Iterator[None]:
    try:
        yield
    except StageFailed:
        version.failed()
        raise


def _all_alike(written: Mapping[Path, bool]) -> bool:
    """Whether the models write cased and punctuated. Raises InvalidArgument when only some do."""
    if len(set(written.values())) > 1:
        plain = ", ".join(str(path) for path, cased in written.items() if not cased)
        message = (
            f"Some models write cased and punctuated, and these do not: {plain}. Serve them by stages of their own."
        )
        raise InvalidArgument("BUNDLES_DIFFER", message, field="ASR_ONNX__BUNDLES")
    return next(iter(written.values()))
