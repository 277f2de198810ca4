"""One replica of a stage: the connection to it, watched, and opened afresh when it was lost."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc

from services.common.grpc_options import CHANNEL
from services.common.server import channel
from services.common.status import State
from services.gateway.watching import Seen, Status, watch

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 0.3  # between two tries to reach a lost replica

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Link:
    """One connection to a replica. It is lost once and for all; the replica may come back behind another."""

    replica_id: int  # a number for logs: addresses stay out of them
    channel: grpc.aio.Channel
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    draining: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a replica is, and what it is called in logs, which hold no addresses."""

    stage: str
    address: str
    replica_id: int = field(default_factory=lambda: next(_numbers))

    def connect(self) -> Link:
        """A connection of its own: channels with the same options to the same address would share one."""
        return Link(self.replica_id, channel(self.address, CHANNEL))


class Replica:
    """A replica; `run` keeps its state, and `changed` is called whenever there is news of it."""

    def __init__(self, place: Place, changed: Callable[[], None]) -> None:
        self.known = asyncio.Event()  # whether it has answered once, or failed to
        self._place = place
        self._changed = changed
        self._link = place.connect()
        self._status = Status()
        self._placed = 0  # calls, since it told its status
        self._retired = False

    @property
    def replica_id(self) -> int:
        """What its links are numbered with."""
        return self._place.replica_id

    @property
    def state(self) -> State:
        """What it told last."""
        return self._status.state

    @property
    def serving(self) -> bool:
        """Whether calls may be placed here."""
        return self._status.state is State.SERVING and not self._retired

    @property
    def seen(self) -> Seen:
        """What it told last."""
        return Seen(self._place.replica_id, self._status, self._place.address)

    @property
    def gone(self) -> bool:
        """Whether it is no longer one of the stage's, and lost."""
        return self._retired and self._status.state is State.UNKNOWN

    @property
    def full(self) -> bool:
        """Whether it told that it has no slot for anybody."""
        return 0 < self._status.slots_total <= self._status.slots_used

    @property
    def free(self) -> int:
        """Free slots, as far as known; below nothing where more calls were placed than it had."""
        return self._status.slots_total - self._status.slots_used - self._placed

    def place(self) -> Link:
        """The connection to make one call on."""
        self._placed += 1
        return self._link

    def retire(self) -> None:
        """It is no longer one of the stage's: no new calls, and long ones are to leave."""
        self._retired = True
        self._link.draining.set()
        self._changed()

    async def run(self, patience: float) -> None:
        """Watches it for as long as it is one of the stage's. Silence for `patience` seconds means that it is lost."""
        failures = 0
        while not self._retired:
            if self._link.lost.is_set():
                self._link = self._place.connect()
            try:
                reason = await watch(self._link.channel, patience, self._heard)
                failures = failures + 1 if self._status.state is State.UNKNOWN else 0
                self._lose(reason)
                longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (failures + 1))
                await asyncio.sleep(random.uniform(FIRST_PAUSE_SECONDS, longest))
            finally:
                self._link.lost.set()
                await self._link.channel.close()  # cancels calls under those who wait: `lost` had them leave before

    def _heard(self, status: Status) -> None:
        if status.state is not self._status.state:
            self._tell("replica told its state", state=status.state.name)
        self._status, self._placed = status, 0
        if status.state is State.DRAINING:
            self._link.draining.set()
        self.known.set()
        self._changed()

    def _lose(self, reason: str) -> None:
        if self._status.state is not State.UNKNOWN:
            self._tell("replica lost", reason=reason)
        self._status = Status()
        self._link.lost.set()
        self.known.set()
        self._changed()

    def _tell(self, event: str, **fields: str) -> None:
        named = {"stage": self._place.stage, "replica": self._place.replica_id}
        log.info(event, extra={"fields": {**named, **fields}})
