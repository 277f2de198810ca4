"""The stage's synthesizers, and the default voice of each language.

A neural voice is, where it keeps pace on this machine; else it is that of the first engine that has the language.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

from services.common.engines.selection import Several
from services.common.engines.tiers import Tier
from services.common.errors import InvalidArgument
from services.common.text import languages
from services.tts import speeds, timing
from services.tts.engine import Engine, Voice
from services.tts.settings import TtsSettings
from services.tts.speeds import Offer


class Engines(Several[Engine]):
    """The engines that the settings name, with the voices they offer."""

    def __init__(self, settings: TtsSettings) -> None:
        super().__init__("tts", settings.engine, settings)
        self.pace = speeds.pace(settings.pace)
        self._defaults = settings.default_voices
        self.offers: Sequence[Offer] = ()  # the default of each language first

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices of all engines, the default of each language first; of two with one name only the first."""
        return tuple(offer.voice for offer in self.offers)

    @property
    def pronounces(self) -> bool:
        """Whether any of the engines takes pronunciations."""
        return any(engine.pronounces for engine in self.engines)

    async def start(self) -> None:
        """Start the engines, and measure how fast their networks synthesize. Raises InvalidArgument."""
        await super().start()
        try:
            found: dict[Voice, Offer] = {}
            for engine in self.engines:
                for offer in await self._offered(engine):
                    found.setdefault(offer.voice, offer)
            self.offers = speeds.ordered(self._with_defaults(list(found.values())))
            self.tiering.start(await self._timed())
        except BaseException:
            await self.stop()
            raise

    def of(self, voice: Voice) -> Engine:
        """Return the engine of a voice, which must be one of `voices`."""
        return next(engine for engine in self.engines if voice in engine.voices)

    def slow(self, voice: Voice) -> bool:
        """Return whether a voice is too slow to be a default on this machine."""
        return any(offer.slow for offer in self.offers if offer.voice == voice)

    async def symbols(self, language: str) -> tuple[str, ...]:
        """Return the IPA symbols that every engine with voices of the language takes."""
        speaking = [engine for engine in self.engines if any(voice.language == language for voice in engine.voices)]
        known = [frozenset(await engine.symbols(language)) for engine in speaking]
        return tuple(sorted(frozenset.intersection(*known)))

    def tier(self, name: str) -> Engine:
        """Return the engine whose name is that of the tier."""
        return next(engine for engine in self.engines if engine.name == name)

    async def _timed(self) -> Mapping[Hashable, Sequence[Tier]]:
        """Return the tiers, timed, of each language that several of them have a voice of."""
        named = [self.tier(name) for name in self.tiering.names]
        known: dict[str, Tier] = {}
        tiers: dict[Hashable, list[Tier]] = {}
        told = {offer.voice.language for offer in self.offers if offer.default_languages}
        for language in sorted({voice.language for voice in self.voices} - told):
            speaking = [engine for engine in named if any(voice.language == language for voice in engine.voices)]
            for engine in speaking if len(speaking) > 1 else ():
                if engine.name not in known:
                    known[engine.name] = await timing.timed(engine, default_of(engine, language))
                tiers.setdefault(language, []).append(known[engine.name])
        return tiers

    async def _offered(self, engine: Engine) -> list[Offer]:
        factors = await speeds.measured(engine)
        return [
            Offer(voice, engine.name, voice in factors, factors.get(voice, 0.0), factors.get(voice, 0.0) > self.pace)
            for voice in engine.voices
        ]

    def _with_defaults(self, offers: Sequence[Offer]) -> list[Offer]:
        """Return the offers with the settings' default voices. Raises InvalidArgument for a voice that does not
        exist.
        """
        told: dict[Voice, tuple[str, ...]] = {}
        for language, name in self._defaults.items():
            those = [each.voice for each in offers if languages.same(each.voice.language, language)]
            voice = next((voice for voice in those if voice.name == name), None)
            if voice is None:
                message = f"{name!r} is no voice of {language} here."
                accepted = [voice.name for voice in those]
                raise InvalidArgument("UNKNOWN_VOICE", message, field="TTS_DEFAULT_VOICES", accepted=accepted)
            told[voice] = (*told.get(voice, ()), language)
        return [replace(each, default_languages=told.get(each.voice, ())) for each in offers]


def default_of(engine: Engine, language: str) -> Voice:
    """Return an engine's default voice of a language; one of its voices must be of that language."""
    return next(voice for voice in engine.voices if voice.language == language)
