"""What every service shows of itself to the server that runs it: who is in, and whether its engine works."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from services.common.faults import Forward
from services.common.slots import Slots
from services.common.versions import Version
from services.common.watchdog import Watchdog


class HasVersions(Protocol):
    """An engine."""

    versions: Iterable[tuple[Version[Any], float]]


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica of a service, as the server sees it."""

    slots: Slots
    watchdog: Watchdog | None = None  # none without an engine
    engine: HasVersions | None = None
    forward: Forward | None = None  # passes a simulated fault on to a replica of a stage, where it calls stages
