"""The pods of one workload over simulated time: some start, some serve, some drain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from services.common.states import State
from services.gateway.values.stages import Status

Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ROWS = 768  # pods at once, at most: those that drain count
GONE, STARTING, SERVING, DRAINING = range(4)
_STATES = {STARTING: State.STARTING, SERVING: State.SERVING, DRAINING: State.DRAINING}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a pod of a workload is like."""

    slots: int
    start_seconds: float  # from being asked for to serving: a node if need be, the image, the model
    least: int = 2
    most: int = 400
    drain_seconds: float = 60.0

    @property
    def reserved(self) -> int:
        """Slots kept for what resumes (`services.common.server.slots.reserve`)."""
        return (self.slots - 1) // 8


class Fleet:
    """Its pods have rows; a row is used again once its pod is gone. Times in seconds of simulated time."""

    def __init__(self, kind: Kind, now: float, replicas: int) -> None:
        self.kind = kind
        self.state: npt.NDArray[np.int8] = np.zeros(ROWS, dtype=np.int8)
        self.used: npt.NDArray[np.int64] = np.zeros(ROWS, dtype=np.int64)
        self.born, self.ready, self.drained_by = np.zeros(ROWS), np.zeros(ROWS), np.zeros(ROWS)
        self.pod_seconds = 0.0
        self.events = 0  # times it was scaled
        self.state[:replicas] = SERVING
        self.born[:replicas] = self.ready[:replicas] = now - 3600.0
        self._changing = False  # whether any starts or drains
        self.pods = replicas  # all there are, those that drain included

    @property
    def replicas(self) -> int:
        """As the Deployment counts them: without those that drain."""
        return int(np.count_nonzero((self.state == STARTING) | (self.state == SERVING)))

    @property
    def serving(self) -> Mask:
        """Which rows take calls."""
        mask: Mask = self.state == SERVING
        return mask

    @property
    def draining(self) -> list[int]:
        """Rows whose sessions are to leave."""
        if not self._changing:
            return []
        rows: list[int] = np.flatnonzero((self.state == DRAINING) & (self.used > 0)).tolist()
        return rows

    @property
    def free(self) -> npt.NDArray[np.int64]:
        """Slots nobody has, by row; -1 where none may be taken."""
        return np.where(self.serving, self.kind.slots - self.used, -1)

    def advance(self, now: float, seconds: float) -> None:
        """Time goes on by so much, to `now`: pods become ready, and those that are empty after draining go."""
        if self._changing:
            self.state[(self.state == STARTING) & (self.ready <= now)] = SERVING
            self.state[(self.state == DRAINING) & ((self.used == 0) | (self.drained_by <= now))] = GONE
            self._changing = bool(((self.state == STARTING) | (self.state == DRAINING)).any())
            self.pods = int(np.count_nonzero(self.state))
        self.pod_seconds += seconds * self.pods

    def scale(self, now: float, replicas: int) -> None:
        """Asks for so many. Those that go are chosen as a ReplicaSet does: not ready first, then cheapest to delete.

        The cost is the number of live streams (`services/gateway/deletion/costs.py`).
        """
        more = replicas - self.replicas
        if not more:
            return
        self.events += 1
        self._changing = True
        if more > 0:
            rows = np.flatnonzero(self.state == GONE)[:more]
            self.state[rows], self.used[rows] = STARTING, 0
            self.born[rows], self.ready[rows] = now, now + self.kind.start_seconds
            return
        rows = np.flatnonzero((self.state == STARTING) | (self.state == SERVING))
        chosen = rows[np.lexsort((-self.ready[rows], self.used[rows], self.state[rows]))][:-more]
        self.drained_by[chosen] = now + self.kind.drain_seconds
        self.state[chosen] = np.where(self.used[chosen] > 0, DRAINING, GONE)

    def statuses(self, queue_seconds: float = 0.0, fill: float = 0.0) -> list[Status]:
        """What each pod would tell; the load is that of each, as calls are spread evenly."""
        rows = np.flatnonzero(self.state)
        told: list[tuple[Any, ...]] = list(zip(self.state[rows].tolist(), self.used[rows].tolist(), strict=True))
        return [Status(_STATES[state], self.kind.slots, used, queue_seconds, fill) for state, used in told]
