"""The recognizers of the stage: each language is recognized by the first engine that has it."""

from __future__ import annotations

from services.asr.engine import Engine, Identifier
from services.asr.settings import AsrSettings
from services.common import languages
from services.common.engines import Several


class Engines(Several[Engine]):
    """The engines that the settings name."""

    def __init__(self, settings: AsrSettings) -> None:
        super().__init__("asr", settings.engine, settings)

    @property
    def languages(self) -> tuple[str, ...]:
        """The BCP-47 tags of all languages, those of the preferred engine first."""
        return tuple(dict.fromkeys(tag for engine in self.engines for tag in engine.languages))

    @property
    def biased(self) -> bool:
        """Whether any of the engines takes Terms."""
        return any(engine.biased for engine in self.engines)

    @property
    def wideband_languages(self) -> tuple[str, ...]:
        """Those of the languages whose engine hears audio of 8 kHz badly."""
        return tuple(tag for tag in self.languages if self.of(tag).wideband)

    def of(self, language: str) -> Engine:
        """The engine that recognizes a language, one of `languages`."""
        return next(engine for engine in self.engines if language in engine.languages)

    @property
    def identifier(self) -> Identifier | None:
        """The first engine that tells languages apart; None where none does."""
        telling = (engine for engine in self.engines if isinstance(engine, Identifier) and engine.identified)
        return next(telling, None)

    @property
    def identified(self) -> tuple[str, ...]:
        """Those of `languages` that are told apart, as the recognizing engines call them."""
        known = self.identifier.identified if self.identifier else ()
        return tuple(tag for tag in self.languages if languages.resolve(tag, known))
