"""A scripted engine, which emits a tone as long as the text: for tests, load, and simulated slow devices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import numpy as np

from services.common.engines.load import Load
from services.common.engines.simulation import SimulatedDevice
from services.common.errors import StageFailed
from services.tts.engine import Clause, Pronunciation, Voice
from services.tts.pronouncing import parts
from services.tts.settings import TtsSettings

LOWEST_HERTZ = 220
AMPLITUDE = 8_000
SYMBOLS = ("a", "b", "d", "e", "i", "k", "l", "m", "n", "o", "r", "s", "t", "u")


class Engine:
    """Emits tones: each voice has its own pitch, each character its duration."""

    name = "scripted"
    starts_programs = False
    device = "cpu"
    versions = ()
    networks: Sequence[Sequence[Voice]] = ()
    version = "1"
    patience_seconds = 1.0
    pronounces = True

    def __init__(self, settings: TtsSettings) -> None:
        self._settings = settings.scripted
        self.load = Load("tts", self._settings.batch)
        self._device = SimulatedDevice(self._settings, self.load)
        self._failures_left = self._settings.fail_first_n
        self.sample_rate_hertz = self._settings.sample_rate_hertz
        numbers = range(1, self._settings.voices + 1)
        self.voices = tuple(Voice(f"{tag}-{number}", tag) for tag in self._settings.languages for number in numbers)

    async def start(self) -> None:
        """Start the engine, which has nothing to load."""

    async def stop(self) -> None:
        """Stop the engine, which holds nothing to release."""

    async def symbols(self, language: str) -> tuple[str, ...]:
        """Return the fixed symbols that the scripted engine accepts in any language."""
        return SYMBOLS

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        """Emit a tone as long as the clause, with the delays and faults that the settings ask for."""
        await self._break_down(clause.voice.language)
        said = "".join(part.ipa if isinstance(part, Pronunciation) else part for part in parts(clause))
        clause.tally.symbols = len(said) if self._settings.counts_tokens else None
        milliseconds = len(said) * self._settings.char_ms / clause.speaking_rate
        count = max(1, round(self.sample_rate_hertz * milliseconds / 1000))
        piece_samples = self.sample_rate_hertz * self._settings.piece_ms // 1000
        hertz = LOWEST_HERTZ * (1 + self.voices.index(clause.voice) % self._settings.voices)
        for start in range(0, count, piece_samples):
            await self._device.compute()
            times = np.arange(start, min(start + piece_samples, count)) / self.sample_rate_hertz
            yield np.asarray(AMPLITUDE * np.sin(2 * np.pi * hertz * times), dtype="<i2").tobytes()

    async def _break_down(self, language: str) -> None:
        if self._failures_left:
            self._failures_left -= 1
            raise StageFailed("TTS_ENGINE_FAILED", "The scripted engine failed as it was told to.", stage="TTS")
        if language == self._settings.hang_language:
            await asyncio.Event().wait()
        if language == self._settings.slow_language:
            await asyncio.sleep(self._settings.slow_ms / 1000)
