"""Speaks sentences with a network that all sessions share, in batches across them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from services.common.batching import Batcher, Item, Limits
from services.tts.onnx.feeds import Sentence
from services.tts.onnx.network import Floats, Latent, Parts, Whole
from services.tts.onnx.windows import Cutting
from services.tts.settings import OnnxSettings


class Speaker(Protocol):
    """A network as the engine uses it."""

    async def start(self) -> None:
        """Takes sentences from now on."""

    async def stop(self) -> None:
        """Fails what waits."""

    def speech(self, sentence: Sentence, session: int) -> AsyncGenerator[Floats, None]:
        """The samples, as they are made. Raises StageFailed, and AtCapacity when too much waits."""


class InWindows:
    """Makes a sentence's latent at once and its samples window by window: the first sound waits for a short one."""

    def __init__(self, parts: Parts, sample_rate_hertz: int, settings: OnnxSettings, even: bool) -> None:
        limits = _limits(settings)
        self._latents: Batcher[Sentence, Latent] = Batcher("tts.latents", parts.latents, limits)
        self._samples: Batcher[Latent, Floats] = Batcher("tts.samples", parts.samples, limits)
        self._hop = parts.at.hop
        frames_per_ms = sample_rate_hertz / 1000 / self._hop
        self._cutting = Cutting(
            reach=parts.at.reach,
            first=max(1, round(settings.first_ms * frames_per_ms)),
            most=max(1, round(settings.window_ms * frames_per_ms)),
            even=even,
        )

    async def start(self) -> None:
        """See Speaker."""
        await self._latents.start()
        await self._samples.start()

    async def stop(self) -> None:
        """See Speaker."""
        await self._latents.stop()
        await self._samples.stop()

    async def speech(self, sentence: Sentence, session: int) -> AsyncGenerator[Floats, None]:
        """See Speaker."""
        latent = await self._latents.submit(Item(sentence, session, cost=len(sentence.ids)))
        hop = self._hop
        for window in self._cutting.windows(latent.count):
            cut = latent.cut(window.start, window.stop)
            samples = await self._samples.submit(Item(cut, session, cost=cut.count))
            yield samples[(window.first - window.start) * hop : (window.last - window.start) * hop]


class AtOnce:
    """Makes a sentence's samples at once."""

    def __init__(self, whole: Whole, settings: OnnxSettings) -> None:
        self._sentences: Batcher[Sentence, Floats] = Batcher("tts.sentences", whole.samples, _limits(settings))

    async def start(self) -> None:
        """See Speaker."""
        await self._sentences.start()

    async def stop(self) -> None:
        """See Speaker."""
        await self._sentences.stop()

    async def speech(self, sentence: Sentence, session: int) -> AsyncGenerator[Floats, None]:
        """See Speaker."""
        yield await self._sentences.submit(Item(sentence, session, cost=len(sentence.ids)))


def _limits(settings: OnnxSettings) -> Limits:
    return Limits(most_items=settings.batch_items, wait_ms=settings.batch_wait_ms)
