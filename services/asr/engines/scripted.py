"""An engine that hears how much was said, and makes up what: for tests, load, and the simulation of a GPU's batches.

What it makes of a session depends on the session's own audio alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

import numpy as np

from services.asr.engine import Endpoint, Heard, Hypothesis, PrefixRules, Speech, Stabilization, Word
from services.asr.settings import AsrSettings, ScriptedSettings
from services.common.audio import ASR_RATE, Pcm
from services.common.errors import StageFailed
from services.common.simulation import SimulatedDevice

BLOCK_SAMPLES = ASR_RATE // 100
LOUD = 300  # peak of a block that is speech


class Engine:
    """Hears a word of its text for every so many milliseconds of loud audio."""

    name = "scripted"
    version = "1"
    written = False
    prefixes: Mapping[Stabilization, PrefixRules] = {
        Stabilization.FAST: PrefixRules(agreement=2),
        Stabilization.BALANCED: PrefixRules(agreement=2),
        Stabilization.AGGRESSIVE: PrefixRules(agreement=3),
    }

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings.scripted
        self._device = SimulatedDevice(self._settings)
        self.languages = tuple(self._settings.languages)

    async def start(self) -> None:
        """See Engine."""

    async def stop(self) -> None:
        """See Engine."""

    async def recognize(self, heard: AsyncIterator[Heard], language: str) -> AsyncGenerator[Hypothesis, None]:
        """See Engine."""
        script = Script(self._settings)
        given_samples = 0
        async for item in heard:
            await self._device.compute()
            if isinstance(item, Endpoint):
                yield script.final()
                continue
            given_samples += len(item.pcm)
            await _break_down(self._settings, given_samples * 1000 // ASR_RATE)
            if script.hear(item):
                yield script.interim()


class Script:
    """One session's place in the text."""

    def __init__(self, settings: ScriptedSettings) -> None:
        self._settings = settings
        self._text = settings.text.split()
        self._words: list[Word] = []  # of the open segment
        self._rest: Pcm = np.empty(0, dtype=np.int16)
        self._spoken_before = 0  # words of earlier segments
        self._loud_blocks = 0  # of the open segment

    def hear(self, speech: Speech) -> bool:
        """Takes speech in; true when it made a word."""
        start_samples = speech.offset_samples - len(self._rest)
        audio = np.concatenate((self._rest, speech.pcm))
        whole = len(audio) - len(audio) % BLOCK_SAMPLES
        self._rest = audio[whole:]
        before = len(self._words)
        for start in range(0, whole, BLOCK_SAMPLES):
            if np.abs(audio[start : start + BLOCK_SAMPLES].astype(np.int32)).max() < LOUD:
                continue
            self._loud_blocks += 1
            loud_ms = self._loud_blocks * 1000 * BLOCK_SAMPLES // ASR_RATE
            if loud_ms // self._settings.word_ms > len(self._words):
                self._speak(start_samples + start + BLOCK_SAMPLES)
        return len(self._words) > before

    def interim(self) -> Hypothesis:
        """The open segment so far; its last word may be wrong as yet."""
        words = list(self._words)
        if self._settings.tentative:
            last = words[-1]
            words[-1] = Word(last.text[::-1], last.start_samples, last.end_samples, last.confidence)
        return Hypothesis(tuple(words), stability=0.5)

    def final(self) -> Hypothesis:
        """The open segment, which ends."""
        words = tuple(self._words)
        self._spoken_before += len(words)
        self._words.clear()
        self._loud_blocks = 0
        self._rest = self._rest[:0]
        return Hypothesis(words, final=True)

    def _speak(self, end_samples: int) -> None:
        text = self._text[(self._spoken_before + len(self._words)) % len(self._text)]
        start_samples = end_samples - self._settings.word_ms * ASR_RATE // 1000
        if self._words:
            start_samples = max(start_samples, self._words[-1].end_samples)
        self._words.append(Word(text, max(0, start_samples), end_samples, confidence=0.9))


async def _break_down(settings: ScriptedSettings, speech_ms: int) -> None:
    if settings.fail_after_ms and speech_ms >= settings.fail_after_ms:
        raise StageFailed("ASR_ENGINE_FAILED", "The scripted engine failed as it was told to.", stage="ASR")
    if settings.hang_after_ms and speech_ms >= settings.hang_after_ms:
        await asyncio.Event().wait()
