"""The translators of the stage: each pair is translated by the first engine that has it."""

from __future__ import annotations

from services.common.engines import Several
from services.mt.engine import Engine, Pair
from services.mt.settings import MtSettings


class Engines(Several[Engine]):
    """The engines that the settings name."""

    def __init__(self, settings: MtSettings) -> None:
        super().__init__("mt", settings.engine, settings)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs of all engines, those of the preferred engine first."""
        return tuple(dict.fromkeys(pair for engine in self.engines for pair in engine.pairs))

    def of(self, pair: Pair) -> Engine:
        """The engine that translates a pair, one of `pairs`."""
        return next(engine for engine in self.engines if pair in engine.pairs)
