"""Synthesizes sentences on a network that all sessions share: frames at once, samples window by window."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from services.common.engines.load import Load
from services.common.neural.batching import Batcher, Item, Limits
from services.tts.engines.kokoro.network import HOP, SAMPLE_RATE_HERTZ, Network, Sentence
from services.tts.engines.kokoro.splicing import Splicer
from services.tts.engines.kokoro.tempo import Tempo
from services.tts.engines.kokoro.windows import FRAME_SECONDS, Ahead, Sizes
from services.tts.neural.running import Floats
from services.tts.settings import KokoroSettings

CONTEXT = 10  # frames decoded on either side of those that are kept
LOOKAHEAD = 8  # frames decoded behind those of a clause's first window
LEAST = 10  # frames kept of that: what is heard of them is a first piece for a listener
LATER = 24  # and of the others: the network's norms are means over a window, and too far off in short ones
WHOLE = 1_000_000  # frames, more than any sentence has
KEPT = 5  # frames of silence that are decoded: the first sound begins in them, and is worse made without them
FADE = SAMPLE_RATE_HERTZ // 100
MOST_SHIFT = SAMPLE_RATE_HERTZ // 160  # half a period of a voice of 80 Hz
_HEARD = 2  # frames of that silence that stay, as the engine cuts it
_FRAMES_PER_MS = SAMPLE_RATE_HERTZ / 1000 / HOP


class Speaker:
    """Synthesizes sentences with one network, one piece after the other: the session that has waited longest is
    next.
    """

    def __init__(
        self, network: Network, settings: KokoroSettings, load: Load, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tempo = Tempo(network.samples, clock)
        self._clock = clock
        self._frames = _one_by_one("tts.frames", network.frames, load)
        self._samples = _one_by_one("tts.samples", self._tempo.samples, load)
        self._sizes = _sizes(settings)

    async def start(self) -> None:
        """Start accepting sentences."""
        await self._frames.start()
        await self._samples.start()

    async def stop(self) -> None:
        """Stop, failing the sentences that wait."""
        await self._frames.stop()
        await self._samples.stop()

    async def speech(self, sentence: Sentence, session: int, ahead: Ahead) -> AsyncGenerator[Floats, None]:
        """Yield a sentence's samples as they are made, counting them in `ahead`, the clause's playback.

        Raises StageFailed, and AtCapacity when too much waits.
        """
        with self._tempo.speaking():
            frames = await self._frames.submit(Item(sentence, session, cost=len(sentence.ids)))
            before, behind = (max(0, pad - KEPT) for pad in frames.pads)
            spoken = frames.cut(before, frames.count - behind)
            silent = max(0, min(frames.pads[0], KEPT) - _HEARD)
            splicer, kept, size = Splicer(FADE, MOST_SHIFT), 0, 0
            while kept < spoken.count:
                size = self._next(size, spoken.count, silent, ahead)
                window = self._sizes.window(kept, size, spoken.count)
                cut = spoken.cut(window.start, window.stop)
                samples = await self._samples.submit(Item(cut, session, cost=cut.count))
                heard, kept = window.last - window.first - (0 if kept else silent), window.last
                ahead.made(max(0, heard) * FRAME_SECONDS, self._clock())
                yield splicer.joined(samples, (window.first - window.start) * HOP, (window.last - window.start) * HOP)

    def _next(self, before: int, frames: int, silent: int, ahead: Ahead) -> int:
        """Return the frames of a sentence's next window; `before` is 0 for its first one."""
        pace, left = self._tempo.frame_seconds, ahead.seconds(self._clock())
        if before or left:
            return self._sizes.following(before or self._sizes.first, left, pace)
        return self._sizes.beginning(frames, silent, pace)


def _sizes(settings: KokoroSettings) -> Sizes:
    if not settings.window_ms:
        return Sizes(CONTEXT, CONTEXT, WHOLE, WHOLE, WHOLE, WHOLE, 0.0)
    first, most = (max(1, round(each * _FRAMES_PER_MS)) for each in (settings.first_ms, settings.window_ms))
    return Sizes(
        context=CONTEXT,
        lookahead=LOOKAHEAD,
        least=min(LEAST, first, most),
        first=min(first, most),
        later=min(LATER, most),
        most=most,
        budget_seconds=settings.budget_ms / 1000,
    )


def _one_by_one(name: str, compute: Callable[[Sequence[Any]], Sequence[Any]], load: Load) -> Batcher[Any, Any]:
    return Batcher(name, compute, Limits(most_items=1, wait_ms=0), load.part(1))
