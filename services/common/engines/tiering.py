"""The tiers of a stage: their engines, the sessions on each, and their metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from services.common.engines.load import Load
from services.common.engines.processors import processors
from services.common.engines.tiers import Asked, Choice, Ladder, Reason, Rules, Tier
from services.common.errors import InvalidArgument
from services.common.settings import StageSettings
from services.common.telemetry import metrics

log = logging.getLogger(__name__)

CORES_SHARE = 0.75  # of the cores: the other stages run beside

_UTTERANCES = metrics.counter("babelmesh.tier.utterances")
_CHANGES = metrics.counter("babelmesh.tier.changes")


class Loaded(Protocol):
    """An engine of any stage, with its name and load."""

    name: str
    load: Load


@dataclass(frozen=True, slots=True)
class Given:
    """The tier that an utterance was given, with the session and the objective in seconds that it asked with."""

    tier: str  # name of its engine
    larger: int  # so many larger ones there are, which it did not get
    session: Hashable
    objective_seconds: float
    at: float  # seconds on the clock


class Tiering:
    """Ladders of the languages, or pairs, that more than one tier serves; without tiers there are none."""

    def __init__(
        self,
        stage: str,
        settings: StageSettings,
        engines: Sequence[Loaded],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the tiers that the settings name. Raises InvalidArgument for one that is no engine of the stage."""
        self._stage = stage
        self._settings = settings
        self._clock = clock
        self._engines = {engine.name: engine for engine in engines}
        self.names = _named(stage, settings, list(self._engines))
        self._rules = Rules(settings.tier_cores or CORES_SHARE * processors(), settings.tier_calm_seconds)
        self._ladders: dict[Hashable, Ladder] = {}
        self._observing = ExitStack()

    def start(self, tiers: Mapping[Hashable, Sequence[Tier]]) -> None:
        """Build the ladder of each language or pair from its timed tiers, small to large, and observe them in
        metrics.

        A tier that takes more than all cores for one speaker is left out where there is a smaller one. Without tiers in
        the settings nothing is observed or counted.
        """
        if not self.names:
            return
        cores = processors()
        for key, timed in tiers.items():
            kept = [tier for number, tier in enumerate(timed) if number == 0 or tier.cost <= cores]
            self._ladders[key] = Ladder(kept, self._rules)
        for tier in {each for timed in tiers.values() for each in timed}:
            log.info("tier timed", extra={"fields": {"tier": tier.name, "cost": round(tier.cost, 3)}})
        metrics.from_zero(_UTTERANCES, ({"stage": self._stage, "tier": name} for name in self.names))
        metrics.from_zero(_CHANGES, ({"stage": self._stage, "reason": reason.value} for reason in Reason))
        self._observing.enter_context(metrics.observed("babelmesh.tier.sessions", self._sessions))

    def stop(self) -> None:
        """Stop observing the tiers in metrics."""
        self._observing.close()

    def has(self, key: Hashable) -> bool:
        """Return whether a language or pair has tiers."""
        return key in self._ladders

    def largest(self, key: Hashable) -> str:
        """Return the name of the largest tier of a language or pair."""
        return self._ladders[key].tiers[-1].name

    def pick(self, key: Hashable, session: Hashable, objective_ms: int, kept: str = "") -> Given:
        """Choose the tier of an utterance: the one set, or `kept` where it has begun with one, or as the load
        allows.

        `objective_ms` 0: as the stage is set.
        """
        now, ladder = self._clock(), self._ladders[key]
        objective_seconds = (objective_ms or self._settings.objective_ms) / 1000
        names = [tier.name for tier in ladder.tiers]
        if self._settings.tier in names:
            choice = Choice(names.index(self._settings.tier), larger=0)
            ladder.put(now, session, choice.tier)
        elif kept in names:
            choice = Choice(names.index(kept), len(names) - 1 - names.index(kept))
            ladder.put(now, session, choice.tier)
        else:
            queues = [self._engines[name].load.queue_seconds for name in names]
            choice = ladder.pick(now, Asked(session, objective_seconds, queues))
        if choice.changed:
            _CHANGES.add(1, {"stage": self._stage, "reason": choice.changed.value})
        if names[choice.tier] != kept:
            _UTTERANCES.add(1, {"stage": self._stage, "tier": names[choice.tier]})
        return Given(names[choice.tier], choice.larger, session, objective_seconds, now)

    def answered(self, key: Hashable, given: Given, seconds: float) -> None:
        """Record how many seconds the answer to an utterance took."""
        self._ladders[key].answered(self._clock(), given.at, seconds, given.objective_seconds)

    def left(self, key: Hashable, session: Hashable) -> None:
        """Remove a session that is gone from its ladder."""
        self._ladders[key].left(session)

    def in_use(self) -> list[tuple[str, int]]:
        """Return each tier, small to large, with the number of sessions on it, over all languages."""
        now, counts = self._clock(), dict.fromkeys(self.names, 0)
        for ladder in list(self._ladders.values()):
            for tier, count in zip(ladder.tiers, ladder.in_use(now), strict=True):
                counts[tier.name] += count
        return list(counts.items())

    def _sessions(self) -> Iterable[metrics.Reading]:
        return [(count, {"stage": self._stage, "tier": name}) for name, count in self.in_use()]


def _named(stage: str, settings: StageSettings, engines: Sequence[str]) -> tuple[str, ...]:
    """Return the tiers that the settings name. Raises InvalidArgument for unknown or repeated ones."""
    names = tuple(name.strip() for name in settings.tiers.split(",")) if settings.tiers else ()
    field = f"{stage.upper()}_TIERS"
    for name in names:
        if name not in engines:
            raise InvalidArgument("UNKNOWN_TIER", f"{name!r} is no engine of this stage.", field, engines)
        if names.count(name) > 1:
            raise InvalidArgument("TIER_TWICE", f"{name!r} is named twice.", field, ["each once"])
    if settings.tier and settings.tier not in names:
        message = f"{settings.tier!r} is none of the tiers."
        raise InvalidArgument("UNKNOWN_TIER", message, f"{stage.upper()}_TIER", names or ["unset: there are no tiers"])
    return names
