"""The translators of the stage, and the way that each pair takes through them."""

from __future__ import annotations

from collections.abc import Mapping

from services.common.engines import Several
from services.mt import ways
from services.mt.engine import Engine, Pair
from services.mt.settings import MtSettings
from services.mt.ways import Step, Way


class Engines(Several[Engine]):
    """The engines that the settings name."""

    def __init__(self, settings: MtSettings) -> None:
        super().__init__("mt", settings.engine, settings)
        self._wanted = settings.ways
        self.ways: Mapping[Pair, Way] = {}  # of each pair, known after `start`

    async def start(self) -> None:
        """Start the engines and choose the ways. Raises InvalidArgument for a way that the settings want in vain."""
        await super().start()
        try:
            offered = [(engine.name, engine.pairs) for engine in self.engines]
            self.ways = ways.chosen(offered, ways.table(), self._wanted)
        except BaseException:
            await self.stop()
            raise

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that have a way, direct ones of the preferred engine first."""
        return tuple(self.ways)

    def of(self, step: Step) -> Engine:
        """The engine of a step."""
        return next(engine for engine in self.engines if engine.name == step.engine and step.pair in engine.pairs)
