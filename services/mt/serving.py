"""The stage's translators, and each pair's way through them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from services.common.engines.selection import Several
from services.mt import timing, ways
from services.mt.engine import Engine, Pair
from services.mt.settings import MtSettings
from services.mt.ways import Step, Way

DIRECT = "direct"  # what stands for a tier where a pair's direct way is asked for, though another one is better


class Engines(Several[Engine]):
    """The engines that the settings name, with the ways of their pairs."""

    def __init__(self, settings: MtSettings) -> None:
        super().__init__("mt", settings.engine, settings)
        self._wanted = settings.ways
        self.ways: Mapping[Pair, Way] = {}  # of each pair, the largest tier's, known after `start`
        self._tiers: Mapping[str, Mapping[Pair, Way]] = {}  # the ways of each tier, and the direct ones

    async def start(self) -> None:
        """Start the engines and choose the ways. Raises InvalidArgument for a way of the settings that no engine
        offers.
        """
        await super().start()
        try:
            offered = [(engine.name, engine.pairs) for engine in self.engines]
            self.ways = ways.chosen(offered, ways.table(), self._wanted)
            await self._time_tiers(offered)
            self._tiers = {**self._tiers, DIRECT: ways.chosen(offered, (), {})}
        except BaseException:
            await self.stop()
            raise

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that have a way, direct ones of the preferred engine first."""
        return tuple(self.ways)

    def of(self, step: Step) -> Engine:
        """Return the engine that translates a step."""
        return next(engine for engine in self.engines if engine.name == step.engine and step.pair in engine.pairs)

    def way(self, pair: Pair, tier: str = "") -> Way:
        """Return the way of a pair in a tier, or its only way."""
        return self._tiers.get(tier, self.ways).get(pair, self.ways[pair])

    async def _time_tiers(self, offered: Sequence[tuple[str, tuple[Pair, ...]]]) -> None:
        """Find the ways of each tier, which may use the engines of smaller ones, and time those engines."""
        names = self.tiering.names
        pairs, others = dict(offered), [each for each in offered if each[0] not in names]
        tiers: dict[str, Mapping[Pair, Way]] = {}
        for number, name in enumerate(names):
            smaller = [(each, pairs[each]) for each in reversed(names[: number + 1])]
            tiers[name] = ways.chosen([*smaller, *others], ways.table(), {})
        several: dict[Hashable, list[tuple[str, Way]]] = {}
        told = {ways.steps_of(name)[0] for name in self._wanted}
        for pair in self.ways.keys() - told:
            found = [(name, there[pair]) for name, there in tiers.items() if pair in there]
            kept = [each for number, each in enumerate(found) if number == 0 or each[1] != found[number - 1][1]]
            if len(kept) > 1:
                several[pair] = kept
        speeds = await timing.engine_seconds(self.engines, [way for found in several.values() for _, way in found])
        self._tiers = tiers
        self.tiering.start(
            {pair: [timing.tier(name, way, speeds) for name, way in found] for pair, found in several.items()}
        )
        chosen = {pair: tiers[self.tiering.largest(pair)][pair] for pair in self.ways if self.tiering.has(pair)}
        self.ways = {**self.ways, **chosen}
