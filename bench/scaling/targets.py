"""What targets follow from a pod's start, its slots, and how fast sessions come.

While pods start, sessions go on coming. From the moment at which more is asked for, until that serves, it takes the
autoscaler's sync, at worst 15 s, and the start. Those who come meanwhile, `growth x (sync + start)`, must find a slot,
and on top of them a chance crowd: two deviations of a Poisson number. Of `sessions` in use then

    target = sessions / (sessions + headroom)

of the slots that new sessions may take; times the share of those, for the reserve counts in `slots used / total`. The
HPA acts on what is a tenth over its target, so a tenth is taken off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.measuring.report import Rows
from bench.scaling.hpa import SYNC_SECONDS, TOLERANCE
from bench.scaling.recorded import Recorded
from bench.scaling.simulation import DEVICES, PLANNED_SPEECH
from services.common.server.slots import reserve

Z = 2.0  # deviations


@dataclass(frozen=True, slots=True)
class Demand:
    """Of a stage."""

    start_seconds: float
    slots: int  # of a pod
    growth: float  # sessions a second, those who come less those who go, when it rises fastest
    sessions: float  # at once, at that time

    @property
    def wait_seconds(self) -> float:
        """Until what was missing serves."""
        return SYNC_SECONDS + self.start_seconds

    @property
    def headroom(self) -> float:
        """Slots that must be free."""
        come = self.growth * self.wait_seconds
        return come + Z * math.sqrt(max(come, 0.0))

    @property
    def target(self) -> float:
        """Share of all slots that may be in use before more pods are asked for."""
        open_share = (self.slots - reserve(self.slots, None)) / self.slots
        return open_share * self.sessions / (self.sessions + self.headroom) / (1 + TOLERANCE)

    @property
    def replicas(self) -> int:
        """That this makes of so many sessions."""
        return math.ceil(self.sessions / self.slots / self.target)


def target_table(start_seconds: float, slots: int, growths: list[float], sessions: float) -> Rows:
    """One row a rate of growth."""
    table = Rows(
        f"Targets: start {start_seconds:g} s, {slots} slots a pod, {sessions:g} sessions at once",
        ("growth, sessions/s", "come in sync + start", "headroom, slots", "target", "replicas"),
    )
    for growth in growths:
        demand = Demand(start_seconds, slots, growth, sessions)
        table.add(growth, growth * demand.wait_seconds, demand.headroom, round(demand.target, 2), demand.replicas)
    return table


def carried_table(recorded: Recorded, shares: Sequence[float]) -> Rows:
    """How many sessions a simulated replica of MT and TTS carries, and the targets of `sessions` that follow."""
    table = Rows(
        f"Targets of sessions: those a replica carries, with {recorded.targets} targets each, times the share wanted",
        ("stage", "pieces/s, full", "speaking", "carries", *(f"at {share:g}" for share in shares)),
    )
    for stage, device in DEVICES.items():
        carried = recorded.carried(stage, device, PLANNED_SPEECH[stage])
        cells = [round(carried * share, 1) for share in shares]
        table.add(stage, device.capacity(), PLANNED_SPEECH[stage], round(carried, 1), *cells)
    return table
