"""One replica of a stage: the connection to it, watched, and opened afresh when it was lost."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable

from services.common.cancelling import TaskGroup
from services.common.states import State
from services.gateway.stages.calls import Abandoned, Attempt, Signal
from services.gateway.stages.links import Links, ReplicaPlace
from services.gateway.stages.watching import CUT_OFF, SILENT, Silence, answers, fall_silent, watch
from services.gateway.values.stages import Seen, Status

log = logging.getLogger(__name__)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 0.3  # between two tries to reach a lost replica
ANSWERING_SECONDS = 0.2  # one that answers over a new connection would by then have over one that works
FORGIVEN_SECONDS = 10.0  # after which it counts no more that a replica was late
MOST_LATE = 5  # of late that count: each but the first doubles how long a silence is borne
_OUTDATED = "outdated"  # the reason to go on over another connection to a replica that is well


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
        self.links = Links(place)  # the current one is to make calls on; who does takes a slot off `free`
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

    def retire(self) -> None:
        """Take the replica off the stage's list: it gets no new calls, and long ones are to leave."""
        self._retired = True
        self._leave_soon()
        self._news()

    def leave(self) -> None:
        """Send those who wait for this replica to the others, where it is late."""
        if self._late:
            for link in self.links:
                link.lost.set()

    async def run(self, patience: float) -> None:
        """Watch the replica as long as it is one of the stage's. After `patience` seconds of silence it is late."""
        failures = 0
        try:
            async with TaskGroup() as replaced:
                while not self._retired:
                    if self.links.current.lost.is_set():
                        self.links.reopen()
                    reason = await self._watched(patience)
                    if reason is _OUTDATED:
                        replaced.create_task(self.links.close_unused(self.links.replace()))
                        continue
                    failures = failures + 1 if self._status.state is State.UNKNOWN else 0
                    await self._lost(reason, failures)
        finally:
            await self.links.close()

    async def _lost(self, reason: str, failures: int) -> None:
        """Have all leave a connection, close it after a pause, and all that were replaced by it once they are left."""
        self._lose(reason)
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (failures + 1))
        if not self.links.next:
            await asyncio.sleep(random.uniform(FIRST_PAUSE_SECONDS, longest))
        await self.links.current.channel.close()  # cancels calls under those who wait: `lost` had them leave before

    async def _watched(self, patience: float) -> str:
        """Watch the replica over its connection. Returns why the connection is of no more use."""
        now = time.monotonic()
        silence = Silence(self._lateness.patience(patience, now), now)
        async with TaskGroup() as tasks:
            ends = [
                tasks.create_task(watch(self.links.current.channel, silence, self._heard)),
                tasks.create_task(self._outwait(silence)),
                tasks.create_task(self._left()),
            ]
            if outdated := self.links.current.uses.outdated:
                ends.append(tasks.create_task(self._renewed(outdated, patience)))
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for each in ends:
                each.cancel()
        return done.pop().result()

    async def _left(self) -> str:
        await self.links.current.lost.wait()
        return SILENT

    async def _renewed(self, outdated: asyncio.Event, patience: float) -> str:
        """Wait for other certificates, and until the replica has answered over a connection that was made with them."""
        await outdated.wait()
        await self._anew(patience)
        return _OUTDATED

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
        while self.links.next is None:
            link = self._place.connect()
            try:
                if await answers(link.channel, patience):
                    await asyncio.sleep(ANSWERING_SECONDS)
                    self.links.next = self.links.next or link
                    return
            finally:
                if self.links.next is not link:
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
            self._leave_soon()
        self.known.set()
        self._news()

    def _lose(self, reason: str) -> None:
        if self._status.state is not State.UNKNOWN:
            self._tell("replica lost", reason=reason)
        self._status, self._late, self.free = Status(), False, 0
        for link in self.links:
            if reason not in (SILENT, CUT_OFF):
                link.died.set()
            link.lost.set()
        self.known.set()
        self._news()

    def _news(self) -> None:
        self.serving = self._status.state is State.SERVING and not self._late and not self._retired
        self._changed()

    def _leave_soon(self) -> None:
        for link in self.links:
            link.draining.set()

    def _tell(self, event: str, **fields: str) -> None:
        named = {"stage": self._place.stage, "replica": self._place.replica_id}
        log.info(event, extra={"fields": {**named, **fields}})
