"""The synthesizers of the stage: a language's default voice is that of the first engine that has the language."""

from __future__ import annotations

from services.common.engines import Several
from services.tts.engine import Engine, Voice
from services.tts.settings import TtsSettings


class Engines(Several[Engine]):
    """The engines that the settings name."""

    def __init__(self, settings: TtsSettings) -> None:
        super().__init__("tts", settings.engine, settings)

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices of all engines, those of the preferred engine first; of two alike the first."""
        return tuple(dict.fromkeys(voice for engine in self.engines for voice in engine.voices))

    @property
    def pronounces(self) -> bool:
        """Whether any of the engines takes pronunciations."""
        return any(engine.pronounces for engine in self.engines)

    def of(self, voice: Voice) -> Engine:
        """The engine that has a voice, one of `voices`."""
        return next(engine for engine in self.engines if voice in engine.voices)

    async def symbols(self, language: str) -> tuple[str, ...]:
        """The IPA symbols of pronunciations that every engine with voices of a language takes."""
        speaking = [engine for engine in self.engines if any(voice.language == language for voice in engine.voices)]
        known = [frozenset(await engine.symbols(language)) for engine in speaking]
        return tuple(sorted(frozenset.intersection(*known)))
