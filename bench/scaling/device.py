"""MT's and TTS's queues, as a fluid: all replicas together are one device, for calls are spread evenly.

One replica computes one batch after the other, of at most `batch` calls, each batch in `compute_seconds`, as
`services.common.batching` and `services.common.simulation` do. With calls that come at random, at `rate` a second and
replica, and rho = rate * compute / batch, the share of its places that is in use, a call waits for

- what is left of the batch under way: busy * compute / 2, where busy = compute / (compute + e^(-rate * compute) / rate)
  is the share of time in which a batch is computed (the next follows at once if anything came during the last);
- the batches before its own: rho / (2 (1 - rho)) * e^(-1.165 (1 - rho) sqrt(batch / rho)) / rate, which is how far a
  random walk gets ahead of its drift.

Above rho = 1 a backlog grows. `bench.scaling.fidelity` holds this against calls driven through a real `Load`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

STEADY = 0.98  # above this share the formula's steady state takes longer to come about than load stays the same
OVERSHOOT = 0.5826  # of a random walk over a level, in its deviations (Siegmund, 1979)
MEMORY_SECONDS = 5.0  # a `Load` tells means over these


@dataclass(frozen=True, slots=True)
class Device:
    """One replica's."""

    batch: int
    compute_seconds: float

    def capacity(self) -> float:
        """Calls a second, when every batch is full."""
        return self.batch / self.compute_seconds

    def busy(self, rate: float) -> float:
        """The share of time in which a batch is computed."""
        if rate <= 0:
            return 0.0
        idle_seconds = math.exp(-rate * self.compute_seconds) / rate
        return self.compute_seconds / (self.compute_seconds + idle_seconds)

    def wait(self, rate: float) -> float:
        """Seconds a call waits for its batch to begin, at a rate below capacity."""
        rho = min(STEADY, rate / self.capacity())
        left = self.busy(rate) * self.compute_seconds / 2
        if rho <= 0:
            return left
        overshoot = math.exp(-2 * OVERSHOOT * (1 - rho) * math.sqrt(self.batch / rho))
        return left + rho / (2 * (1 - rho)) * overshoot / rate


@dataclass(frozen=True, slots=True)
class Calls:
    """A second, to all replicas. Who makes an elastic call awaits its answer before the next: as many as answers."""

    rate: float
    elastic_rate: float = 0.0  # at most
    callers: float = 0.0


@dataclass(slots=True)
class Queue:
    """Of a stage: what waits, and what its replicas tell of their load."""

    device: Device
    backlog: float = 0.0  # calls, of all replicas
    wait_seconds: float = 0.0  # of a call that comes now
    queue_seconds: float = 0.0  # mean of the last seconds, as `Load` tells it
    fill: float = 0.0  # likewise
    served: float = 0.0  # calls a second, lately

    def pass_time(self, seconds: float, calls: Calls, replicas: int) -> None:
        """So many seconds with such calls, on so many replicas."""
        capacity = replicas * self.device.capacity()
        spare = max(0.0, capacity - calls.rate - self.backlog / seconds)
        came = self.backlog + (calls.rate + min(calls.elastic_rate, spare)) * seconds
        done = min(came, capacity * seconds)
        self.backlog, self.served = came - done, done / seconds
        if not replicas:
            self.wait_seconds = self.wait_seconds + seconds
            return
        self.wait_seconds = self.device.wait(self.served / replicas) + self.backlog / capacity
        if calls.elastic_rate > spare:  # each caller has a call under way, always
            round_seconds = calls.callers / capacity
            self.wait_seconds = max(self.wait_seconds, round_seconds - self.device.compute_seconds)
        weight = min(1.0, seconds / MEMORY_SECONDS)
        self.queue_seconds += weight * (self.wait_seconds - self.queue_seconds)
        self.fill += weight * (self.served / capacity - self.fill)
