"""What is compared: ways to tell how many replicas each workload should have, every 15 seconds.

All of them share the HPA's behaviour (`deploy/k8s/base/scaling-behavior.yaml`), the least and most replicas, and what
happens to pods that go. They differ in what they look at, and in how old that is:

- Ours, through KEDA: the HPA asks the external metrics API at each sync, that asks KEDA's, and that the gateway, which
  knows what every replica last told (each does so at every change). KEDA's own polling only matters between 0 and 1.
- Ours, through prometheus-adapter: what Prometheus scraped last, every 15 s; starting pods count with nothing.
- CPU: metrics-server's newest window of 15 s, scraped every 15 s; pods set aside as the controller does it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from bench.scaling.fleet import SERVING, STARTING, Numbers
from bench.scaling.hpa import (
    SYNC_SECONDS,
    Bounds,
    Controller,
    Policy,
    Reading,
    Rules,
    by_average_value,
    by_pods,
    by_utilization,
    initializing,
)
from bench.scaling.recorded import Recorded
from bench.scaling.simulation import Mesh, Outcome
from bench.scaling.traffic import SERVICES, TICK_SECONDS, Arrivals, Scenario
from services.common.states import State
from services.gateway.operations.scale.worth import Measure, crowd, worth

SCRAPE_SECONDS = 15.0
SCRAPE_PHASE = 9.0  # scrapes happen so long after a sync: what a sync sees is 6 s old, a little less than the mean
UP = Rules(0.0, (Policy("Percent", 100, 15.0), Policy("Pods", 4, 15.0)))
DOWN = Rules(300.0, (Policy("Pods", 1, 60.0), Policy("Percent", 10, 60.0)))

MEASURES: Mapping[str, Sequence[Measure]] = {
    "gateway": (Measure.SESSIONS,),
    "asr": (Measure.SLOTS,),
    "mt": (Measure.FILL, Measure.QUEUE, Measure.SESSIONS),
    "tts": (Measure.FILL, Measure.QUEUE, Measure.SESSIONS),
}
# Of those, what each pod of the workload tells by itself: the HPA divides Pods metrics by these pods.
POD_MEASURES = {**MEASURES, **dict.fromkeys(("mt", "tts"), (Measure.FILL, Measure.QUEUE))}


@dataclass(frozen=True, slots=True)
class Targets:
    """Of our measures: shares of slots, of batches' places, of the sessions a replica carries; seconds of waiting."""

    slots: float = 0.7
    sessions: float = 0.7
    fill: float = 0.7
    carried: float | None = 0.7  # of MT and TTS; None: no such trigger
    queue: float = 1.0

    def of(self, name: str, measure: Measure, mesh: Mesh) -> float:
        """A workload's."""
        match measure:
            case Measure.SLOTS:
                return self.slots
            case Measure.FILL:
                return self.fill
            case Measure.QUEUE:
                return self.queue
        return self.sessions if name == "gateway" else (self.carried or math.inf) * mesh.carried(name)


class Arm(Protocol):
    """One way; made anew for each run, for it may remember."""

    def look(self, mesh: Mesh) -> None:
        """A tick has passed."""

    def proposals(self, name: str, mesh: Mesh) -> list[int]:
        """How many replicas a workload should have, by each of its metrics."""


@dataclass(slots=True)
class External:
    """Ours, as KEDA has it."""

    targets: Targets = field(default_factory=Targets)

    def look(self, mesh: Mesh) -> None:
        """Nothing is kept: what is asked for is as of now."""

    def proposals(self, name: str, mesh: Mesh) -> list[int]:
        """See Arm."""
        replicas = mesh.fleets[name].replicas
        return [
            by_average_value(_value(name, measure, mesh), self.targets.of(name, measure, mesh), replicas)
            for measure in MEASURES[name]
        ]


def _value(name: str, measure: Measure, mesh: Mesh) -> float:
    """What the gateway tells (`services/gateway/scale/servicer.py`)."""
    fleet, queue = mesh.fleets[name], mesh.queues.get(name)
    if queue and measure is Measure.SESSIONS:
        return crowd(mesh.fleets["gateway"].statuses(), mesh.turned_away)
    statuses = fleet.statuses(queue.queue_seconds, queue.fill) if queue else fleet.statuses()
    if queue:  # nothing is kept of what waits on a pod that drains: its calls end within seconds
        statuses = [each for each in statuses if each.state is State.SERVING]
    return worth(measure, statuses, mesh.turned_away)


@dataclass(slots=True)
class Adapter:
    """Ours as Pods metrics, as prometheus-adapter has them."""

    targets: Targets = field(default_factory=Targets)
    _scraped: dict[tuple[str, Measure], Reading] = field(default_factory=dict)

    def look(self, mesh: Mesh) -> None:
        """Scrapes when it is time."""
        if mesh.now % SCRAPE_SECONDS != SCRAPE_PHASE:
            return
        for name, measures in POD_MEASURES.items():
            fleet, queue = mesh.fleets[name], mesh.queues.get(name)
            statuses = fleet.statuses(queue.queue_seconds, queue.fill) if queue else fleet.statuses()
            serving = [each for each in statuses if each.state is State.SERVING]
            for measure in measures:
                self._scraped[name, measure] = Reading(worth(measure, serving), fleet.replicas)

    def proposals(self, name: str, mesh: Mesh) -> list[int]:
        """See Arm."""
        current = mesh.fleets[name].replicas
        return [
            by_pods(self._scraped[name, measure], self.targets.of(name, measure, mesh), current)
            if (name, measure) in self._scraped
            else current
            for measure in POD_MEASURES[name]
        ]


@dataclass(slots=True)
class Cpu:
    """The HPA on CPU utilization, at one target for all workloads."""

    percent: int
    _window: dict[str, Numbers] = field(default_factory=dict)  # CPU seconds since the last scrape, by row
    _used: dict[str, Numbers] = field(default_factory=dict)  # cores over the last whole window, by row
    _scraped: float = -1.0

    def look(self, mesh: Mesh) -> None:
        """Meters, and scrapes when it is time."""
        for name in mesh.fleets:
            self._window[name] = self._window.get(name, 0.0) + mesh.cpu(name) * TICK_SECONDS
        if mesh.now % SCRAPE_SECONDS != SCRAPE_PHASE:
            return
        self._used = {name: window / SCRAPE_SECONDS for name, window in self._window.items()}
        self._window.clear()
        self._scraped = mesh.now

    def proposals(self, name: str, mesh: Mesh) -> list[int]:
        """See Arm."""
        fleet = mesh.fleets[name]
        if self._scraped < SCRAPE_SECONDS:
            return [fleet.replicas]
        rows = np.flatnonzero((fleet.state == STARTING) | (fleet.state == SERVING))
        counted, unready, missing = [], 0, 0
        for row in rows.tolist():
            ready = float(fleet.ready[row]) if fleet.state[row] == SERVING else None
            if self._scraped < fleet.born[row] + SCRAPE_SECONDS:
                missing, unready = missing + (ready is not None), unready + (ready is None)
            elif initializing(mesh.now, float(fleet.born[row]), ready, self._scraped, SCRAPE_SECONDS):
                unready += 1
            else:
                counted.append(row)
        total = float(self._used[name][counted].sum()) / mesh.request(name)
        return [by_utilization(Reading(total, len(counted), unready, missing), self.percent, fleet.replicas)]


@dataclass(slots=True)
class Fixed:
    """As many as are told, all the time."""

    def look(self, mesh: Mesh) -> None:
        """Nothing is looked at."""

    def proposals(self, name: str, mesh: Mesh) -> list[int]:
        """See Arm."""
        return [mesh.fleets[name].replicas]


def run(arm: Arm, scenario: Scenario, arrivals: Arrivals, recorded: Recorded, replicas: dict[str, int]) -> Outcome:
    """The scenario from beginning to end, with so many replicas at first."""
    mesh = Mesh(scenario, arrivals, recorded, replicas)
    controllers = {name: Controller(Bounds(kind.least, kind.most, UP, DOWN)) for name, kind in scenario.pods.items()}
    most = dict(replicas)
    for number in range(scenario.ticks):
        mesh.tick(number)
        arm.look(mesh)
        if mesh.now % SYNC_SECONDS == 0:
            for name, fleet in mesh.fleets.items():
                proposals = arm.proposals(name, mesh)
                fleet.scale(mesh.now, controllers[name].replicas(mesh.now, fleet.replicas, proposals))
        for name in SERVICES:
            most[name] = max(most[name], mesh.fleets[name].pods)
    outcome = mesh.outcome
    outcome.pod_hours = {name: fleet.pod_seconds / 3600 for name, fleet in mesh.fleets.items()}
    outcome.scalings = sum(fleet.events for fleet in mesh.fleets.values())
    outcome.most = most
    return outcome
