"""The stage's recognizers: each language is served by the first engine that has it, or by its tiers."""

from __future__ import annotations

from collections.abc import Hashable

from services.asr import timing
from services.asr.engine import Engine, Identifier
from services.asr.settings import AsrSettings
from services.common.engines.selection import Several
from services.common.engines.tiers import Tier
from services.common.text import languages


class Engines(Several[Engine]):
    """The engines that the settings name, chosen by language and tier."""

    def __init__(self, settings: AsrSettings) -> None:
        super().__init__("asr", settings.engine, settings)

    @property
    def languages(self) -> tuple[str, ...]:
        """BCP-47 tags of all languages, those of the preferred engine first."""
        return tuple(dict.fromkeys(tag for engine in self.engines for tag in engine.languages))

    @property
    def biased(self) -> bool:
        """Whether any of the engines can be biased to terms."""
        return any(engine.biased for engine in self.engines)

    @property
    def wideband_languages(self) -> tuple[str, ...]:
        """Languages that at least one engine recognizes much worse in audio of 8 kHz."""
        return tuple(tag for tag in self.languages if any(engine.wideband for engine in self._hearing(tag)))

    async def start(self) -> None:
        """Start the engines, and time those that a language can choose among as tiers."""
        await super().start()
        try:
            await self._time_tiers()
        except BaseException:
            await self.stop()
            raise

    @property
    def identifier(self) -> Identifier | None:
        """The first engine that can identify languages; None where there is none."""
        telling = (engine for engine in self.engines if isinstance(engine, Identifier) and engine.identified)
        return next(telling, None)

    @property
    def identified(self) -> tuple[str, ...]:
        """Those of `languages` that can be identified, under the recognizing engines' names."""
        known = self.identifier.identified if self.identifier else ()
        return tuple(tag for tag in self.languages if languages.resolve(tag, known))

    def of(self, language: str) -> Engine:
        """Return the engine for one of `languages`; the largest of its tiers, where it has several."""
        if self.tiering.has(language):
            return self.tier(self.tiering.largest(language))
        return next(engine for engine in self.engines if language in engine.languages)

    def tier(self, name: str) -> Engine:
        """Return the engine whose name is that of the tier."""
        return next(engine for engine in self.engines if engine.name == name)

    def takes_terms(self, language: str) -> bool:
        """Return whether any engine that may recognize the language can be biased to terms."""
        return any(engine.biased for engine in self._hearing(language))

    @property
    def leanest(self) -> Engine:
        """The engine that most sessions get under load: the smallest tier, or without tiers the preferred engine."""
        return self.tier(self.tiering.names[0]) if self.tiering.names else self.engines[0]

    def _hearing(self, language: str) -> list[Engine]:
        """Return all engines that may recognize a language: its tiers, or its only engine."""
        return self._tiers_of(language) or [self.of(language)]

    def _tiers_of(self, language: str) -> list[Engine]:
        """Return the tiers of a language, from small to large; none where it has only one engine."""
        named = [self.tier(name) for name in self.tiering.names]
        found = [engine for engine in named if languages.resolve(language, engine.languages)]
        return found if len(found) > 1 else []

    async def _time_tiers(self) -> None:
        known: dict[Engine, Tier] = {}  # an engine's languages are taken to be alike
        tiers: dict[Hashable, list[Tier]] = {}
        for language in self.languages if self.tiering.names else ():
            for engine in self._tiers_of(language):
                if engine not in known:
                    known[engine] = await timing.timed(engine, called(engine, language))
                tiers.setdefault(language, []).append(known[engine])
        self.tiering.start(tiers)


def called(engine: Engine, language: str) -> str:
    """Return an engine's own name of a language that it has."""
    return languages.resolve(language, engine.languages) or language
