"""One replica of a stage: the connection to it, watched, and opened afresh when it was lost."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc

from services.common.cancelling import TaskGroup
from services.common.grpc_options import CHANNEL
from services.common.server.lifecycle import channel
from services.common.states import State
from services.gateway.stages.calls import Abandoned, Attempt, Signal
from services.gateway.stages.watching import CUT_OFF, SILENT, Silence, answers, fall_silent, watch
from services.gateway.values.stages import Seen, Status

log = logging.getLogger(__name__)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 0.3  # between two tries to reach a lost replica
ANSWERING_SECONDS = 0.2  # one that answers over a new connection would by then have over one that works
FORGIVEN_SECONDS = 10.0  # after which it counts no more that a replica was late
MOST_LATE = 5  # of late that count: each but the first doubles how long a silence is borne
_numbers = itertools.count(1)
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Link:
    """A connection to a replica. It is lost once and for all; the replica may come back behind another.

    `died` is set before `lost` where the replica has ended, or says that it is stuck. Where it is not, the replica was
    silent for too long or is cut off, and nobody knows more.
    """

    replica_id: int  # a number for logs: addresses stay out of them
    channel: grpc.aio.Channel
    lost: Signal = field(default_factory=Signal)
    died: asyncio.Event = field(default_factory=asyncio.Event)
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    stubs: dict[Any, Any] = field(default_factory=dict, repr=False)  # made so far, by their class

    def stub(self, of: Callable[[grpc.aio.Channel], S]) -> S:
        """The stub of a service over this connection; it is made once."""
        if of not in self.stubs:
            self.stubs[of] = of(self.channel)
        stub: S = self.stubs[of]
        return stub


@dataclass(frozen=True, slots=True)
class ReplicaPlace:
    """Where a replica is, and what it is called in logs, which hold no addresses."""

    stage: str
    address: str
    replica_id: int = field(default_factory=lambda: next(_numbers))

    def connect(self) -> Link:
        """A connection of its own: channels with the same options to the same address would share one."""
        return Link(self.replica_id, channel(self.address, CHANNEL))


class Lateness:
    """How often a replica was silent of late. On a busy machine that is the rule, and changing over makes it worse."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MOST_LATE)

    def late(self, now: float) -> None:
        """Record that the replica is silent, at a time in seconds on a monotonic clock."""
        self._times.append(now)

    def patience(self, seconds: float, now: float) -> float:
        """How long its next silence is borne, in seconds, where it is borne so long at first."""
        often = sum(now - each < FORGIVEN_SECONDS for each in self._times)
        return float(seconds * 2 ** max(0, often - 1))  # once is no habit


class Replica:
    """A replica; `run` keeps its state, and `changed` is called whenever there is news of it.

    One that is silent while its connection stands is *late*: slow, frozen, or behind a dead link. Calls on it may yet
    be answered, so it is for whoever knows of other replicas to `leave` it.
    """

    def __init__(self, place: ReplicaPlace, changed: Callable[[], None]) -> None:
        self.known = asyncio.Event()  # whether it has answered once, or failed to
        self._place = place
        self._changed = changed
        self.link = place.connect()  # to make calls on; who does takes a slot off `free`
        self._next: Link | None = None  # it has answered over this one
        self._status = Status()
        self._late = False
        self._lateness = Lateness()
        self._spoke = Signal()  # since it was late
        self._retired = False
        self.replica_id = place.replica_id  # the number that its links are named by in logs
        self.serving = False  # whether calls may be placed on it
        self.free = 0  # slots, as far as known; below nothing where more calls were placed than there were

    @property
    def state(self) -> State:
        """The state that the replica told last; UNKNOWN while it is late or lost."""
        return State.UNKNOWN if self._late else self._status.state

    @property
    def late(self) -> bool:
        """Whether the replica served, and says nothing now."""
        return self._late and self._status.state is State.SERVING and not self._retired

    @property
    def seen(self) -> Seen:
        """The replica as it is seen from here: what it told last."""
        return Seen(self._place.replica_id, Status() if self._late else self._status, self._place.address)

    @property
    def gone(self) -> bool:
        """Whether the replica is no longer one of the stage's, and lost."""
        return self._retired and self._status.state is State.UNKNOWN

    @property
    def full(self) -> bool:
        """Whether the replica told that it has no slot for anybody."""
        return 0 < self._status.slots_total <= self._status.slots_used

    def _news(self) -> None:
        self.serving = self._status.state is State.SERVING and not self._late and not self._retired
        self._changed()

    def retire(self) -> None:
        """Take the replica off the stage's list: it gets no new calls, and long ones are to leave."""
        self._retired = True
        self.link.draining.set()
        self._news()

    def leave(self) -> None:
        """Send those who wait for this replica to the others, where it is late."""
        if self._late:
            self.link.lost.set()

    async def run(self, patience: float) -> None:
        """Watch the replica as long as it is one of the stage's. After `patience` seconds of silence it is late."""
        failures = 0
        try:
            while not self._retired:
                if self.link.lost.is_set():
                    self.link, self._next = self._next or self._place.connect(), None
                try:
                    reason = await self._watched(patience)
                    failures = failures + 1 if self._status.state is State.UNKNOWN else 0
                    self._lose(reason)
                    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (failures + 1))
                    if not self._next:
                        await asyncio.sleep(random.uniform(FIRST_PAUSE_SECONDS, longest))
                finally:
                    self.link.lost.set()
                    await self.link.channel.close()  # cancels calls under those who wait: `lost` had them leave before
        finally:
            if self._next:
                await self._next.channel.close()

    async def _watched(self, patience: float) -> str:
        """Watch the replica over its connection. Returns why the connection is of no more use."""
        now = time.monotonic()
        silence = Silence(self._lateness.patience(patience, now), now)
        async with TaskGroup() as tasks:
            reading = tasks.create_task(watch(self.link.channel, silence, self._heard))
            waiting = tasks.create_task(self._outwait(silence))
            leaving = tasks.create_task(self._left())
            done, _ = await asyncio.wait((reading, waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
            for each in (reading, waiting, leaving):
                each.cancel()
        return done.pop().result()

    async def _left(self) -> str:
        await self.link.lost.wait()
        return SILENT

    async def _outwait(self, silence: Silence) -> str:
        """Wait through each silence, unless the replica answers over another connection, or never did over this."""
        while True:
            await fall_silent(silence)
            if self._status.state is State.UNKNOWN:
                return SILENT
            self._fall_late()
            try:
                with Attempt(self._spoke):
                    await self._anew(silence.patience)
                return CUT_OFF
            except Abandoned:
                pass  # it speaks again

    async def _anew(self, patience: float) -> None:
        """Tries other connections until one is answered."""
        while self._next is None:
            link = self._place.connect()
            try:
                if await answers(link.channel, patience):
                    await asyncio.sleep(ANSWERING_SECONDS)
                    self._next = link
                    return
            finally:
                if self._next is not link:
                    await link.channel.close()
            await asyncio.sleep(random.uniform(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS))

    def _fall_late(self) -> None:
        self._tell("replica is late")
        self._late = True
        self._lateness.late(time.monotonic())
        self._spoke.clear()
        self._news()

    def _heard(self, status: Status) -> None:
        if status.state is not self.state:
            self._tell("replica told its state", state=status.state.name)
        self._status, self._late = status, False
        self.free = status.slots_total - status.slots_used
        self._spoke.set()
        if status.state is State.DRAINING:
            self.link.draining.set()
        self.known.set()
        self._news()

    def _lose(self, reason: str) -> None:
        if self._status.state is not State.UNKNOWN:
            self._tell("replica lost", reason=reason)
        self._status, self._late, self.free = Status(), False, 0
        if reason not in (SILENT, CUT_OFF):
            self.link.died.set()
        self.link.lost.set()
        self.known.set()
        self._news()

    def _tell(self, event: str, **fields: str) -> None:
        named = {"stage": self._place.stage, "replica": self._place.replica_id}
        log.info(event, extra={"fields": {**named, **fields}})
