"""Recognizes a session whose language has several tiers, each segment with the tier that it is given.

The engine of a tier hears whole segments. It goes on with the next one, or it ends, and another engine goes on.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from services.asr.engine import Endpoint, Engine, Heard, Hypothesis, Speech, Terms
from services.common.audio.pcm import ASR_RATE


@dataclass(frozen=True, slots=True)
class Tier:
    """The recognizer of a segment. `answered` is called with the seconds that its final took."""

    engine: Engine
    language: str  # as the engine calls it
    answered: Callable[[float], None]


class Tiered:
    """Recognizes each segment with the tier that `choose` returns for it."""

    def __init__(self, choose: Callable[[], Tier], affinity: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without a tier; `choose` is called when a segment begins and all before it is answered."""
        self._choose = choose
        self._affinity = affinity
        self._clock = clock
        self._terms: Terms | None = None  # those in force
        self._tier: Tier | None = None  # of the open segment, or the last
        self._opener: Speech | None = None  # begins a segment that another engine is to hear
        self._lateness: Lateness | None = None  # of the open segment

    async def recognize(self, heard: AsyncIterator[Heard]) -> AsyncGenerator[Hypothesis, None]:
        """Yield hypotheses for the session's speech, tier after tier. Raises what the engines raise."""
        opener = await self._first(heard)
        while opener and self._tier:
            tier, self._opener = self._tier, None
            stretch = self._stretch(opener, heard, tier.engine.biased)
            async with aclosing(tier.engine.recognize(stretch, tier.language, self._affinity)) as guesses:
                async for guess in guesses:
                    if guess.final and self._lateness:
                        self._tier.answered(self._lateness.seconds(self._clock()))
                    yield guess
            opener = self._opener

    async def _first(self, heard: AsyncIterator[Heard]) -> Speech | None:
        """Wait for the first speech, choose its tier, and return it; None when the input ends without any."""
        async for item in heard:
            if isinstance(item, Terms):
                self._terms = item
            if isinstance(item, Speech):
                self._tier = self._choose()
                return item
        return None

    async def _stretch(self, opener: Speech, heard: AsyncIterator[Heard], biased: bool) -> AsyncGenerator[Heard, None]:
        """Yield one engine's input: from the first speech of a segment up to where another engine takes over."""
        if self._terms and biased:
            yield self._terms
        self._lateness = Lateness(self._clock(), opener)
        yield opener
        async for item in heard:
            match item:
                case Terms():
                    self._terms = item
                    if not biased:
                        continue
                case Endpoint():
                    if self._lateness:
                        self._lateness.end(self._clock())
                        yield item
                    self._lateness = None
                    continue
                case Speech() if self._lateness is None:
                    before, self._tier = self._tier, self._choose()
                    if before is None or self._tier.engine is not before.engine:
                        self._opener = item
                        return
                    self._lateness = Lateness(self._clock(), item)
                case Speech():
                    self._lateness.hear(item)
            yield item


class Lateness:
    """Measures how late a segment's final is. Pure; times in seconds on one clock.

    Of live speech: from when the audio of its end had come, which may have waited for the engine. Nobody waits for what
    comes faster than it is spoken: there it is from when the engine was told of the end.
    """

    def __init__(self, now: float, speech: Speech) -> None:
        """Begin with the first speech of a segment, which the engine receives at `now`."""
        self._began_at = now
        self._begun_behind = speech.waiting_samples / ASR_RATE
        self._heard_samples = 0  # behind this speech, which may be all that was said so far
        self._waiting_samples = speech.waiting_samples
        self._ended_at = now

    def hear(self, speech: Speech) -> None:
        """Count speech that follows in the segment."""
        self._heard_samples += len(speech.pcm)
        self._waiting_samples = speech.waiting_samples

    def end(self, now: float) -> None:
        """Record that the engine was sent the segment's end at `now`."""
        self._ended_at = now

    def seconds(self, now: float) -> float:
        """Return how many seconds late the final is that came at `now`."""
        final_seconds = now - self._ended_at
        behind = self._waiting_samples / ASR_RATE + final_seconds
        beyond = now - self._began_at - self._heard_samples / ASR_RATE + self._begun_behind
        return max(final_seconds, min(behind, beyond))
