"""Sessions that speak through whatever happens to the network, and what became of every word of theirs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

import babelmesh
from bench.order import faults
from bench.take import Take, chunks
from realtime.v1.realtime_translate_pb2 import STABILIZATION_FAST, Endpointing
from services.common.audio import ASR_RATE, Pcm

TARGETS = ("es",)
SPOKEN_SECONDS, PAUSE_SECONDS = 2.0, 0.6
UNFINISHED = "UNFINISHED"


@dataclass(slots=True)
class Heard:
    """What a session's client got. Times are those of the event loop's clock."""

    take: Take = field(default_factory=lambda: Take(0.0, TARGETS))
    failure: str = UNFINISHED  # the code it ended with; empty for a good end

    def recovered_seconds(self, healed: float) -> float | None:
        """From the heal to the first transcript after it; None when none came."""
        times = [at for at, each in self.take.events if isinstance(each, babelmesh.AsrResult) and at > healed]
        return min(times) - healed if times else None

    def longest_wait(self, start: float, end: float) -> float:
        """The longest time without a transcript between two moments."""
        times = [at for at, each in self.take.events if isinstance(each, babelmesh.AsrResult) and start < at < end]
        return max(after - before for before, after in pairwise([start, *times, end]))


@dataclass(frozen=True, slots=True)
class Damage:
    """What became of the words of one session, transcripts and translations together."""

    lost: int
    doubled: int
    reordered: int
    faults: Sequence[str]  # as bench.order tells them, and the session's failure


def speech(seconds: float) -> Pcm:
    """Made-up speech for the scripted recognizer, with pauses."""
    tone = 8_000 * np.sin(2 * np.pi * 440 * np.arange(round(ASR_RATE * SPOKEN_SECONDS)) / ASR_RATE)
    once = np.concatenate((tone.astype(np.int16), np.zeros(round(ASR_RATE * PAUSE_SECONDS), dtype=np.int16)))
    return np.tile(once, max(1, round(seconds / (SPOKEN_SECONDS + PAUSE_SECONDS))))


async def listen(address: str, pcm: Pcm, heard: Heard, speed: float = 1.0) -> None:
    """One session over a connection of its own, to its end or failure."""
    loop = asyncio.get_running_loop()
    hello = babelmesh.SessionConfig(
        partial_results=True,
        stabilization=STABILIZATION_FAST,
        endpointing=Endpointing(trailing_silence_ms=300),
    )
    try:
        async with babelmesh.connect(address) as mesh, mesh.session("en", TARGETS, hello) as session:
            async for event in session.translate(chunks(pcm, speed)):
                heard.take.events.append((loop.time(), event))
        heard.failure = ""
    except babelmesh.SessionFailed as failure:
        heard.failure = failure.code


def damage(heard: Heard, alone: Heard) -> Damage:
    """What is wrong, compared with the same speech in an undisturbed session."""
    lost = doubled = reordered = 0
    for expected, got in zip(_texts(alone), _texts(heard), strict=True):
        order = {word: place for place, word in enumerate(expected)}
        lost += len(set(expected) - set(got))
        doubled += sum(count - 1 for count in Counter(got).values())
        reordered += sum(order.get(after, 0) < order.get(before, 0) for before, after in pairwise(got))
    failure = [f"ended with {heard.failure}"] if heard.failure else []
    return Damage(lost, doubled, reordered, [*failure, *faults(heard.take)])


def _texts(heard: Heard) -> list[list[str]]:
    texts = (heard.take.transcript, *(heard.take.translation(lang) for lang in TARGETS))
    return [[word.strip(".,").lower() for word in text.split()] for text in texts]
