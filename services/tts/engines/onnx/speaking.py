"""Synthesizes sentences on a network that all sessions share, in batches across them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.common.engines.load import Load
from services.common.neural.batching import Batcher, Item, Limits
from services.tts.engines.onnx.feeds import Sentence
from services.tts.engines.onnx.network import Latent, Parts, Whole
from services.tts.neural.running import Floats
from services.tts.neural.windows import Cutting
from services.tts.settings import OnnxSettings


class Speaker(Protocol):
    """A network as the engine uses it."""

    async def start(self) -> None:
        """Start accepting sentences."""

    async def stop(self) -> None:
        """Stop, failing the sentences that wait."""

    def speech(self, sentence: Sentence, session: int) -> AsyncGenerator[Floats, None]:
        """Yield a sentence's samples as they are made. Raises StageFailed, and AtCapacity when too much waits."""


@dataclass(frozen=True, slots=True)
class Batches:
    """Makes the batchers of a voice's work, within the settings' limits.

    Latents and samples are parts of the load of their own. Samples are most of the work, so it is their batches that
    fill up; where sentences should wait for their latents instead, that is told as well.
    """

    settings: OnnxSettings
    load: Load  # of the engine

    def batcher(self, name: str, compute: Callable[[Sequence[Any]], Sequence[Any]]) -> Batcher[Any, Any]:
        """Return a new batcher for one kind of work, with its own part of the load."""
        most = self.settings.batch_items
        limits = Limits(most_items=most, wait_ms=self.settings.batch_wait_ms)
        return Batcher(name, compute, limits, self.load.part(most))


class InWindows:
    """Encodes a sentence at once and decodes it window by window: the first sound needs a short window only."""

    def __init__(self, parts: Parts, sample_rate_hertz: int, batches: Batches, even: bool) -> None:
        settings = batches.settings
        self._latents: Batcher[Sentence, Latent] = batches.batcher("tts.latents", parts.latents)
        self._samples: Batcher[Latent, Floats] = batches.batcher("tts.samples", parts.samples)
        self._hop = parts.at.hop
        frames_per_ms = sample_rate_hertz / 1000 / self._hop
        self._cutting = Cutting(
            reach=parts.at.reach,
            first=max(1, round(settings.first_ms * frames_per_ms)),
            most=max(1, round(settings.window_ms * frames_per_ms)),
            even=even,
        )

    async def start(self) -> None:
        """Start accepting sentences."""
        await self._latents.start()
        await self._samples.start()

    async def stop(self) -> None:
        """Stop, failing the sentences that wait."""
        await self._latents.stop()
        await self._samples.stop()

    async def speech(self, sentence: Sentence, session: int) -> AsyncGenerator[Floats, None]:
        """Yield a sentence's samples window by window. Raises StageFailed, AtCapacity."""
        latent = await self._latents.submit(Item(sentence, session, cost=len(sentence.ids)))
        hop = self._hop
        for window in self._cutting.windows(latent.count):
            cut = latent.cut(window.start, window.stop)
            samples = await self._samples.submit(Item(cut, session, cost=cut.count))
            yield samples[(window.first - window.start) * hop : (window.last - window.start) * hop]


class AtOnce:
    """Synthesizes each sentence in a single step."""

    def __init__(self, whole: Whole, batches: Batches) -> None:
        self._sentences: Batcher[Sentence, Floats] = batches.batcher("tts.sentences", whole.samples)

    async def start(self) -> None:
        """Start accepting sentences."""
        await self._sentences.start()

    async def stop(self) -> None:
        """Stop, failing the sentences that wait."""
        await self._sentences.stop()

    async def speech(self, sentence: Sentence, session: int) -> AsyncGenerator[Floats, None]:
        """Yield all samples of a sentence at once. Raises StageFailed, AtCapacity."""
        yield await self._sentences.submit(Item(sentence, session, cost=len(sentence.ids)))
