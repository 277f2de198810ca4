"""Speaks sentences with a network that all sessions share: the text at once, the samples window by window."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from services.common.batching import Batcher, Item, Limits
from services.common.load import Load
from services.tts.engines.kokoro.network import HOP, SAMPLE_RATE_HERTZ, Network, Sentence
from services.tts.engines.kokoro.splicing import Splicer
from services.tts.onnx.network import Floats
from services.tts.onnx.windows import Cutting
from services.tts.settings import KokoroSettings

CONTEXT = 10  # frames decoded on either side of those that are kept
KEPT = 8  # frames of silence that are decoded: the first sound begins in them, and is worse made without them
FADE = SAMPLE_RATE_HERTZ // 100
MOST_SHIFT = SAMPLE_RATE_HERTZ // 160  # half a period of a voice of 80 Hz
_FRAMES_PER_MS = SAMPLE_RATE_HERTZ / 1000 / HOP


class Speaker:
    """One network, its work one piece after the other: of several sessions, who has waited longest is next."""

    def __init__(self, network: Network, settings: KokoroSettings, load: Load) -> None:
        self._frames = _one_by_one("tts.frames", network.frames, load)
        self._samples = _one_by_one("tts.samples", network.samples, load)
        self._cutting = Cutting(
            reach=CONTEXT,
            first=max(1, round(settings.first_ms * _FRAMES_PER_MS)),
            most=max(1, round(settings.window_ms * _FRAMES_PER_MS)),
            even=False,
        )

    async def start(self) -> None:
        """Take sentences from now on."""
        await self._frames.start()
        await self._samples.start()

    async def stop(self) -> None:
        """Fail what waits."""
        await self._frames.stop()
        await self._samples.stop()

    async def speech(self, sentence: Sentence, session: int) -> AsyncGenerator[Floats, None]:
        """Give a sentence's samples as they are made. Raises StageFailed, and AtCapacity when too much waits."""
        frames = await self._frames.submit(Item(sentence, session, cost=len(sentence.ids)))
        before, behind = (max(0, pad - KEPT) for pad in frames.pads)
        spoken = frames.cut(before, frames.count - behind)
        splicer = Splicer(FADE, MOST_SHIFT)
        for window in self._cutting.windows(spoken.count):
            cut = spoken.cut(window.start, window.stop)
            samples = await self._samples.submit(Item(cut, session, cost=cut.count))
            yield splicer.joined(samples, (window.first - window.start) * HOP, (window.last - window.start) * HOP)


def _one_by_one(name: str, compute: Callable[[Sequence[Any]], Sequence[Any]], load: Load) -> Batcher[Any, Any]:
    return Batcher(name, compute, Limits(most_items=1, wait_ms=0), load.part(1))
