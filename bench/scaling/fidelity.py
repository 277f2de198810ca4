"""Whether the simulation tells what our services tell: against real `Load` and `Slots` objects, driven one by one."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from enum import IntEnum
from statistics import fmean

import numpy as np

from bench.report import Rows
from bench.scaling.device import Calls, Device, Queue
from services.common.errors import AtCapacity
from services.common.load import Load
from services.common.slots import Slots
from services.common.status import State
from services.gateway.scaling import Measure, worth
from services.gateway.watching import Status

SETTLING_SECONDS = 10.0


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


def driven(device: Device, rate: float, seconds: float, seed: int = 6) -> Told:
    """One replica whose calls come at random, each one of them told to a real `Load`."""
    now = 0.0
    load = Load("mt", device.batch, clock=lambda: now)
    told: list[Told] = []
    waiting: deque[AbstractContextManager[None]] = deque()
    computing = 0
    events = list(_given(rate, seconds, np.random.default_rng(seed)))
    heapq.heapify(events)
    while events:
        now, kind = heapq.heappop(events)
        match kind:
            case Event.ARRIVAL:
                call = load.waiting()
                call.__enter__()
                waiting.append(call)
            case Event.END:
                load.work(-computing)
                computing = 0
            case Event.LOOK:
                told.append(Told(load.queue_seconds, load.fill))
        if waiting and not computing:
            computing = min(len(waiting), device.batch)
            for _ in range(computing):
                waiting.popleft().__exit__(None, None, None)
            load.work(computing)
            heapq.heappush(events, (now + device.compute_seconds, Event.END))
    return Told(fmean(each.queue_seconds for each in told), fmean(each.fill for each in told))


def _given(rate: float, seconds: float, rng: np.random.Generator) -> Iterator[tuple[float, Event]]:
    for when in np.cumsum(rng.exponential(1 / rate, int(rate * seconds))).tolist():
        yield when, Event.ARRIVAL
    for when in np.arange(SETTLING_SECONDS, seconds, 0.5).tolist():
        yield when, Event.LOOK


def flowing(device: Device, rate: float) -> Told:
    """The same, as the simulation has it."""
    queue = Queue(device)
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


def load_table(device: Device, shares: Sequence[float]) -> Rows:
    """At several shares of what a replica can do."""
    table = Rows(
        f"What a replica tells: batches of {device.batch} in {device.compute_seconds:g} s",
        ("share", "queue s, Load", "simulated", "fill, Load", "simulated "),
    )
    for share in shares:
        rate = share * device.capacity()
        real, simulated = driven(device, rate, 120.0), flowing(device, rate)
        table.add(share, real.queue_seconds, simulated.queue_seconds, real.fill, simulated.fill)
    return table
