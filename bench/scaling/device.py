"""MT's and TTS's queues, as a fluid: all replicas together are one device, for calls are spread evenly.

One replica computes one batch after the other, of at most `batch` pieces of work, each batch in `compute_seconds`, as
`services.common.neural.batching` and `engines.simulation` do. A batch begins when the one before has ended, so who
comes a moment later waits for a whole one. With work that comes at random, at `rate` a second and replica, and
rho = rate * compute / batch, the share of its places that is in use, a piece waits for

- what is left of the batch under way, compute / 2 on the mean, where one is. An idle device begins with the first that
  comes: of those that come together (the targets of a session) the others wait for that, a whole compute;
- a whole compute, for each piece of a call but its first, if anything is in hand that is not in its own batch: the next
  begins as its own ends, without it. So calls of several pieces go in two turns, each of them in every other batch;
- the batches before its own: rho / (2 (1 - rho)) * e^(-1.165 (1 - rho) sqrt(batch / (v rho))) * v / rate, which is how
  far a random walk gets ahead of its drift; v is the variance of the number of calls over its mean.

Above rho = 1 a backlog grows. `bench.scaling.fidelity` holds this against work driven through a real `Load`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

STEADY = 0.98  # above this share the formula's steady state takes longer to come about than load stays the same
OVERSHOOT = 0.5826  # of a random walk over a level, in its deviations (Siegmund, 1979)
MEMORY_SECONDS = 5.0  # a `Load` tells means over these


ROUNDS = 5  # of a fixed point that is near after two


@dataclass(frozen=True, slots=True)
class Shape:
    """How work comes."""

    together: int = 1  # calls that come at the same moment
    pieces: float = 1.0  # of each, computed one after the other
    apart: float = 0.0  # share of such groups whose calls come a batch's time after each other instead


SINGLE = Shape()


@dataclass(frozen=True, slots=True)
class Device:
    """One replica's."""

    batch: int
    compute_seconds: float

    def capacity(self) -> float:
        """Pieces a second, when every batch is full."""
        return self.batch / self.compute_seconds

    def wait(self, rate: float, shape: Shape = SINGLE, callers: float = math.inf) -> float:
        """Seconds a piece waits for its batch to begin, on the mean, at a rate below capacity.

        So many callers take turns with one call each, so those whose calls are in hand make no other.
        """
        if rate <= 0:
            return self._first(0.0, shape)
        groups = rate / shape.together
        own = self._turns(groups, shape) if shape.pieces > 1 else self._first(self.busy(rate, shape), shape)
        rho = min(STEADY, rate / self.capacity())
        chance = shape.together * max(0.0, 1 - rate * (own + self.compute_seconds) / callers)  # variance over mean
        if not chance:
            return own
        ahead = math.exp(-2 * OVERSHOOT * (1 - rho) * math.sqrt(self.batch / chance / rho))
        return own + rho / (2 * (1 - rho)) * ahead * chance / rate

    def busy(self, rate: float, shape: Shape = SINGLE) -> float:
        """The share of time in which a batch is computed, when calls have one piece each."""
        groups = rate / shape.together
        batches = math.exp(groups * self.compute_seconds) + (shape.together > 1)  # without a pause
        return 1 - 1 / (1 + batches * self.compute_seconds * groups)

    def _turns(self, groups: float, shape: Shape) -> float:
        """Seconds a piece waits when calls have several: by a fixed point, for what waits longer is longer in hand."""
        own = 0.0
        for _ in range(ROUNDS):
            in_hand = groups * (own + self.compute_seconds)  # groups, by Little's law
            idle = math.exp(-in_hand)
            parted = 1 - (1 - shape.apart) * (1 - idle) if shape.together > 1 else 0.0  # groups that are in both turns
            met = 1 - (1 - parted) * math.exp(-in_hand * (1 + parted) / 2)  # whether any is in the other turn
            own = (self._first(1 - idle, shape) + (shape.pieces - 1) * met * self.compute_seconds) / shape.pieces
        return own

    def _first(self, busy: float, shape: Shape) -> float:
        """Seconds the first piece of a call waits for the batch under way, or for one of those that come with it."""
        return self.compute_seconds * (busy / 2 + (1 - busy) * (1 - 1 / shape.together))


@dataclass(frozen=True, slots=True)
class Calls:
    """Pieces of work a second, to all replicas. Who makes an elastic call awaits its answer before the next one."""

    rate: float
    elastic_rate: float = 0.0  # at most
    callers: float = 0.0  # those who await one call before the next; 0: any number


@dataclass(slots=True)
class Queue:
    """Of a stage: what waits, and what its replicas tell of their load."""

    device: Device
    shape: Shape = SINGLE
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
        callers = (calls.callers or math.inf) / replicas
        self.wait_seconds = self.device.wait(self.served / replicas, self.shape, callers) + self.backlog / capacity
        if calls.elastic_rate > spare:  # each caller has a call under way, always
            round_seconds = calls.callers / capacity
            self.wait_seconds = max(self.wait_seconds, round_seconds - self.device.compute_seconds)
        weight = min(1.0, seconds / MEMORY_SECONDS)
        self.queue_seconds += weight * (self.wait_seconds - self.queue_seconds)
        self.fill += weight * (self.served / capacity - self.fill)
