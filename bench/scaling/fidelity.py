"""Whether the simulation tells what our services tell: against real `Load` and `Slots` objects, driven one by one."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from enum import IntEnum
from statistics import fmean

import numpy as np

from bench.measuring.report import Rows
from bench.scaling.device import SINGLE, Calls, Device, Queue, Shape
from services.common.engines.load import Load
from services.common.errors import AtCapacity
from services.common.server.slots import Slots
from services.common.states import State
from services.gateway.operations.scale.worth import Measure, worth
from services.gateway.values.stages import Status

SETTLING_SECONDS = 10.0
SEED = 6


class Event(IntEnum):
    """What happens to a replica."""

    ARRIVAL = 0
    END = 1
    LOOK = 2


@dataclass(frozen=True, slots=True)
class Told:
    """By a replica, on the mean."""

    queue_seconds: float
    fill: float


@dataclass(slots=True)
class _Replica:
    """One device, and its calls: each as the number of its pieces that are still to come."""

    device: Device
    load: Load
    waiting: deque[tuple[int, AbstractContextManager[None]]] = field(default_factory=deque)
    computing: list[int] = field(default_factory=list)

    def ask(self, pieces: int) -> None:
        """A piece of a call waits, so many of its pieces included."""
        piece = self.load.waiting()
        piece.__enter__()
        self.waiting.append((pieces - 1, piece))

    def begin(self) -> bool:
        """Whether a batch begins: what waits when the device is free."""
        if self.computing or not self.waiting:
            return False
        for _ in range(min(len(self.waiting), self.device.batch)):
            left, piece = self.waiting.popleft()
            piece.__exit__(None, None, None)
            self.computing.append(left)
        self.load.work(len(self.computing))
        return True

    def end(self) -> list[int]:
        """The batch is through; what its calls have left."""
        ended, self.computing = self.computing, []
        self.load.work(-len(ended))
        return [left for left in ended if left]


def driven(device: Device, rate: float, seconds: float, shape: Shape = SINGLE) -> Told:
    """One replica whose work comes at random, each piece of it told to a real `Load`."""
    now = 0.0
    replica = _Replica(device, Load("mt", device.batch, clock=lambda: now))
    told: list[Told] = []
    events = list(_given(device, rate, seconds, shape))
    heapq.heapify(events)
    while events:
        now, kind, pieces = heapq.heappop(events)
        going_on: list[int] = []
        match kind:
            case Event.ARRIVAL:
                replica.ask(pieces)
            case Event.END:
                going_on = replica.end()
            case Event.LOOK:
                told.append(Told(replica.load.queue_seconds, replica.load.fill))
        began = replica.begin()  # before those that have just got an answer ask for their next piece
        for left in going_on:
            replica.ask(left)
        if began or replica.begin():
            heapq.heappush(events, (now + device.compute_seconds, Event.END, 0))
    return Told(fmean(each.queue_seconds for each in told), fmean(each.fill for each in told))


def _given(device: Device, rate: float, seconds: float, shape: Shape) -> Iterator[tuple[float, Event, int]]:
    rng = np.random.default_rng(SEED)
    groups = rate / shape.together / shape.pieces
    for when in np.cumsum(rng.exponential(1 / groups, int(groups * seconds))).tolist():
        pieces = 1 + int(rng.poisson(shape.pieces - 1))  # of each: translations of a clause are about as long
        apart = device.compute_seconds if rng.random() < shape.apart else 0.0
        for place in range(shape.together):
            yield when + place * apart, Event.ARRIVAL, pieces
    for when in np.arange(SETTLING_SECONDS, seconds, 0.5).tolist():
        yield when, Event.LOOK, 0


def flowing(device: Device, rate: float, shape: Shape = SINGLE) -> Told:
    """The same, as the simulation has it."""
    queue = Queue(device, shape)
    for _ in range(20):
        queue.pass_time(3.0, Calls(rate), replicas=1)
    return Told(queue.queue_seconds, queue.fill)


def placed(slots: int, replicas: int, sessions: int, reserved: int) -> tuple[int, float]:
    """How many of so many sessions real `Slots` let in, each by the replica with most free; and the worth then."""
    doors = [Slots(slots, "ASR", reserved=reserved) for _ in range(replicas)]
    with ExitStack() as streams:
        let_in = sum(_asked(doors, streams) for _ in range(sessions))
        statuses = [Status(State.SERVING, door.total, door.used) for door in doors]
        return let_in, worth(Measure.SLOTS, statuses)


def _asked(doors: Sequence[Slots], streams: ExitStack) -> bool:
    door = max(doors, key=lambda each: each.total - each.used)
    try:
        streams.enter_context(door.taken())
    except AtCapacity:
        return False
    return True


def load_table(device: Device, shape: Shape, shares: Sequence[float]) -> Rows:
    """At several shares of what a replica can do."""
    table = Rows(
        f"What a replica tells: batches of {device.batch} in {device.compute_seconds:g} s, {shape.together} calls at a "
        f"time, {shape.pieces:.1f} pieces each",
        ("share", "queue s, Load", "simulated", "fill, Load", "simulated "),
    )
    for share in shares:
        rate = share * device.capacity()
        real, simulated = driven(device, rate, 120.0, shape), flowing(device, rate, shape)
        table.add(share, real.queue_seconds, simulated.queue_seconds, real.fill, simulated.fill)
    return table
