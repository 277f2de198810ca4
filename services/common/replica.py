"""What every service shows of itself to the server that runs it: who is in, and whether its engine works."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.faults import Forward
from services.common.slots import Slots
from services.common.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica of a service, as the server sees it."""

    slots: Slots
    watchdog: Watchdog | None = None  # none without an engine
    forward: Forward | None = None  # passes a simulated fault on to a replica of a stage, where it calls stages
