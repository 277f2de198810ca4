"""A scripted engine, which makes up words from the amount of loud audio: for tests, load, and simulated GPU batches.

What it makes of a session depends on the session's own audio alone, and on where that stands on the session's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

import numpy as np

from services.asr.engine import (
    Endpoint,
    Heard,
    Hypothesis,
    Language,
    PrefixRules,
    Speech,
    Stabilization,
    Terms,
    Word,
)
from services.asr.settings import AsrSettings, ScriptedSettings
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.engines.load import Load
from services.common.engines.simulation import SimulatedDevice
from services.common.errors import StageFailed

BLOCK_SAMPLES = ASR_RATE // 100
LOUD = 300  # peak of a block that is speech
NOTHING: Pcm = np.empty(0, dtype=np.int16)


class Engine:
    """The scripted engine: emits one word of its text for each word length of loud audio."""

    name = "scripted"
    starts_programs = False
    device = "cpu"
    versions = ()
    version = "1"
    patience_seconds = 1.0
    written = False
    wideband = False
    prefixes: Mapping[Stabilization, PrefixRules] = {
        Stabilization.FAST: PrefixRules(agreement=2),
        Stabilization.BALANCED: PrefixRules(agreement=2),
        Stabilization.AGGRESSIVE: PrefixRules(agreement=3),
    }

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings.scripted
        self.load = Load("asr", settings.slots)
        self._device = SimulatedDevice(self._settings, self.load.part(self._settings.batch))
        self.languages = tuple(self._settings.languages)
        self.identified = self.languages if self._settings.spoken else ()
        self.biased = bool(self._settings.mishears)

    async def start(self) -> None:
        """Start the engine, which has nothing to load."""

    async def stop(self) -> None:
        """Stop the engine, which holds nothing to release."""

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        """Emit a hypothesis whenever the audio has made a word, with the delays and faults that the settings
        ask for.
        """
        script = Script(self._settings, language)
        given_samples = 0
        with self.load.working():
            async for item in heard:
                await self._device.compute()
                if isinstance(item, Terms):
                    script.terms = item.phrases
                if isinstance(item, Endpoint):
                    yield script.final()
                if not isinstance(item, Speech):
                    continue
                given_samples += len(item.pcm)
                await _break_down(self._settings, given_samples * 1000 // ASR_RATE)
                if script.hear(item):
                    yield script.interim()

    async def identify(self, speech: Speech, allowed: Sequence[str]) -> Language:
        """Return the language scripted for the middle of the utterance, or the first other one while it is unsure."""
        settings = self._settings
        middle = speech.offset_samples + len(speech.pcm) // 2
        turn = middle * 1000 // ASR_RATE // settings.spoken_ms
        spoken = settings.spoken[turn % len(settings.spoken)]
        if len(speech.pcm) * 1000 // ASR_RATE < settings.sure_ms:
            return Language(next(each for each in allowed if each != spoken), 0.5)
        return Language(spoken, 0.99, share=settings.share)


class Script:
    """The words of one session, each with its place on the session's audio clock.

    The clock is divided into the words' lengths. A word is recognized when the audio is loud where its length ends, so
    that every recognizer that receives that audio recognizes it, whatever came before.
    """

    def __init__(self, settings: ScriptedSettings, language: str = "") -> None:
        self.terms: tuple[str, ...] = ()  # rather heard
        self._settings = settings
        self._text = settings.texts.get(language, settings.text).split()
        self._word_samples = settings.word_ms * ASR_RATE // 1000
        self._words: list[Word] = []  # of the open segment
        self._opened_samples: int | None = None  # where the open segment's audio starts
        self._last = NOTHING  # of that audio

    def hear(self, speech: Speech) -> bool:
        """Add speech, and return whether it made a word."""
        if self._opened_samples is None:
            self._opened_samples = speech.offset_samples
        audio = np.concatenate((self._last, speech.pcm))
        start_samples = speech.offset_samples - len(self._last)
        end_samples = speech.offset_samples + len(speech.pcm)
        before = len(self._words)
        for number in range(speech.offset_samples // self._word_samples + 1, end_samples // self._word_samples + 1):
            place = number * self._word_samples - start_samples
            if np.abs(audio[max(0, place - BLOCK_SAMPLES) : place].astype(np.int32)).max() >= LOUD:
                self._speak(number, self._opened_samples)
        self._last = audio[-BLOCK_SAMPLES:]
        return len(self._words) > before

    def interim(self) -> Hypothesis:
        """Return a hypothesis of the open segment; its last word may be wrong as yet."""
        words = list(self._words)
        if self._settings.tentative:
            last = words[-1]
            words[-1] = Word(last.text[::-1], last.start_samples, last.end_samples, last.confidence)
        return Hypothesis(tuple(words), stability=0.5)

    def final(self) -> Hypothesis:
        """Return the final of the open segment, and begin another."""
        words = tuple(self._words)
        self._words.clear()
        self._opened_samples = None
        self._last = NOTHING
        return Hypothesis(words, final=True, tokens=len(words) if self._settings.counts_tokens else None)

    def _speak(self, number: int, opened_samples: int) -> None:
        """Add the word of the clock's `number`-th word length, or of the part of that which lies in the segment."""
        end_samples = number * self._word_samples
        start_samples = max(end_samples - self._word_samples, opened_samples)
        text = self._text[(number - 1) % len(self._text)]
        if text not in self.terms:
            text = self._settings.mishears.get(text, text)
        self._words.append(Word(text, start_samples, end_samples, confidence=0.9))


async def _break_down(settings: ScriptedSettings, speech_ms: int) -> None:
    if settings.fail_after_ms and speech_ms >= settings.fail_after_ms:
        raise StageFailed("ASR_ENGINE_FAILED", "The scripted engine failed as it was told to.", stage="ASR")
    if settings.hang_after_ms and speech_ms >= settings.hang_after_ms:
        await asyncio.Event().wait()
