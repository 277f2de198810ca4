"""The replicas of one stage: which there are, which serve, and which one a call goes to."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import grpc

from services.common.cancelling import TaskGroup
from services.common.errors import MeshError
from services.common.states import State
from services.common.telemetry import metrics
from services.gateway.stages.addresses import Addresses
from services.gateway.stages.calls import Abandoned, Attempt, Limit
from services.gateway.stages.links import Link
from services.gateway.stages.replica import Replica
from services.gateway.stages.tries import (
    LONGEST_SECONDS,
    MOST_DEATHS,
    Budget,
    CallFailed,
    Tries,
    Trouble,
    quarantined,
    unavailable,
)
from services.gateway.values.stages import Seen

T = TypeVar("T")
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.3  # before those are asked again that all were asked
RETIRED_SECONDS = 30.0  # how long calls may stay on a replica that was taken off the list
_CALLS = metrics.counter("babelmesh.stage.calls")
_DURATION = metrics.histogram("babelmesh.stage.duration")
_OUTCOMES = ("answered", *(trouble.name.lower() for trouble in Trouble))
ROOM = 256  # questions remembered, the newest
SECONDS = 300.0  # after which a question is no longer held against: another replica, or version, may bear it


class Replicas:
    """The replicas behind the addresses of a stage. `run` finds and watches them; without it there are none.

    A call goes to the serving replica with most free slots. One that refused, or was lost, is not asked again before
    the others were.
    """

    def __init__(self, stage: str, addresses: Addresses, watch_seconds: float, resolve_seconds: float) -> None:
        self.stage = stage
        self._of = {"stage": stage.lower()}
        self._answered = {**self._of, "outcome": "answered"}
        self._addresses = addresses
        self._seconds = (watch_seconds, resolve_seconds)
        self._replicas: dict[str, Replica] = {}
        self._watching: dict[Replica, asyncio.Task[None]] = {}  # these, and for a while those taken off the list
        self._suspects = Suspects()
        self._looked_up = asyncio.Event()
        self._available = asyncio.Event()

    @property
    def available(self) -> bool:
        """Whether a replica of the stage serves."""
        return self._available.is_set()

    @property
    def full(self) -> bool:
        """Whether every replica that serves told that it has no slot for anybody."""
        return self.available and all(each.full for each in self._replicas.values() if each.serving)

    @property
    def seen(self) -> list[Seen]:
        """What each replica told last. One that was taken off the list is among them until it is lost."""
        return [replica.seen for replica in self._watching if not replica.gone]

    def states(self) -> Iterator[metrics.Reading]:
        """How many replicas are in each state. May be asked in any thread."""
        count = Counter(replica.state for replica in list(self._replicas.values()))
        for state in State:
            yield count[state], {"stage": self.stage.lower(), "state": state.name}

    async def back(self) -> None:
        """Wait until a replica of the stage serves."""
        await self._available.wait()

    async def known(self) -> None:
        """Wait until each replica of the first lookup has answered, or failed to."""
        await self._looked_up.wait()
        for replica in list(self._replicas.values()):
            await replica.known.wait()

    async def run(self) -> None:
        """Watches the replicas, and looks for new ones. Runs until it is cancelled."""
        watch_seconds, resolve_seconds = self._seconds
        metrics.from_zero(_CALLS, ({"stage": self.stage.lower(), "outcome": outcome} for outcome in _OUTCOMES))
        async with TaskGroup() as tasks:
            while True:
                added, removed = self._settle(await self._addresses.look_up())
                for replica in added:
                    self._watching[replica] = tasks.create_task(replica.run(watch_seconds))
                for replica in removed:
                    asyncio.get_running_loop().call_later(RETIRED_SECONDS, self._forget, replica)
                self._looked_up.set()
                if not self._addresses.may_change:
                    break
                await asyncio.sleep(resolve_seconds)

    def _forget(self, replica: Replica) -> None:
        self._watching.pop(replica).cancel()

    def _settle(self, addresses: Sequence[str]) -> tuple[list[Replica], list[Replica]]:
        """Take over a new list of addresses. Returns the replicas that came and those that went."""
        removed = [self._replicas.pop(address) for address in list(self._replicas) if address not in addresses]
        added = {
            address: Replica(self._addresses.place(self.stage, address), self._changed)
            for address in addresses
            if address not in self._replicas
        }
        self._replicas.update(added)
        for replica in removed:
            replica.retire()
        return list(added.values()), removed

    def _changed(self) -> None:
        if any(replica.serving for replica in self._replicas.values()):
            self._available.set()
            for replica in self._replicas.values():
                replica.leave()
        else:
            self._available.clear()

    @property
    def late(self) -> bool:
        """Whether no replica serves, but one that did is only silent."""
        return not self.available and any(replica.late for replica in self._replicas.values())

    @property
    def coming(self) -> bool:
        """Whether a replica is to be expected: it loads, or it is late."""
        return any(each.late or each.state is State.STARTING for each in self._replicas.values())

    def others(self, replica_id: int) -> bool:
        """Whether a replica but that one serves."""
        return any(each.serving and each.replica_id != replica_id for each in self._replicas.values())

    def attempt(self, link: Link, seconds: float = 0.0, longest_seconds: float = LONGEST_SECONDS) -> Attempt:
        """An attempt on a replica. It may take so many seconds, or longer where no other replica serves; 0: any time.

        A replica that tells that it serves, and is the only one, is believed for `longest_seconds`.
        """
        if not seconds:
            return Attempt(link.lost)
        alone = partial(self._alone, link.replica_id)
        return Attempt(link.lost, Limit(seconds, alone, longest_seconds))

    def _alone(self, replica_id: int) -> bool:
        return self.available and not self.others(replica_id)

    def tries(self, budget: Budget, suspect: Hashable = None) -> Tries:
        """The account of a question that is about to be put. `suspect` is what of it replicas may die of.

        Raises StageFailed when too many did lately.
        """
        now = time.monotonic()
        deaths = self._suspects.deaths(suspect, now) if suspect in self._suspects.known else 0
        if deaths >= MOST_DEATHS:
            raise quarantined(self.stage)
        return Tries(self.stage, budget, now, suspect, deaths)

    def answered(self, tries: Tries) -> None:
        """Record that the question has its whole answer: nobody died of it."""
        if tries.suspect in self._suspects.known:
            self._suspects.answered(tries.suspect)
        _CALLS.add(1, self._answered)

    def took(self, tries: Tries) -> None:
        """Record how long the question waited for a translation, or for the first piece of speech."""
        _DURATION.record(time.monotonic() - tries.started, self._of)

    async def call(
        self, attempt: Callable[[Link], Awaitable[T]], tries: Tries | None = None, seconds: float = 0.0
    ) -> T:
        """The result of `attempt` on the first replica that gives one. An attempt ends when its replica is lost.

        One may take so many seconds, as in `attempt`. Raises what the last replica said, as a MeshError of this stage;
        at once when no replica serves.
        """
        tries = tries or self.tries(Budget())
        rounds = 0
        while True:
            try:
                return await self._try(attempt, tries, seconds)
            except MeshError:
                if not tries.again:
                    raise
            rounds += 1
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**rounds)
            await asyncio.sleep(0.0 if self._untried(tries) else random.uniform(0.0, longest))

    async def _try(self, attempt: Callable[[Link], Awaitable[T]], tries: Tries, seconds: float) -> T:
        replica = self._pick(tries)
        replica.free -= 1
        link = replica.links.current
        tries.tried.add(link.replica_id)
        try:
            with link.uses.one(), self.attempt(link, seconds):
                result = await attempt(link)
        except (grpc.aio.AioRpcError, TimeoutError, Abandoned) as error:
            raise self.failed(tries, error, link) from error
        if tries.suspect is None:  # else its answer may not be whole yet
            _CALLS.add(1, self._answered)
        return result

    def failed(self, tries: Tries, error: CallFailed, link: Link) -> MeshError:
        """The fault behind a failed call; `tries.again` then tells whether there is another try."""
        now = time.monotonic()
        deaths = tries.deaths
        fault = tries.failed(error, link, now, bool(self._untried(tries)))
        self._count(tries.troubles[-1].name.lower())
        if tries.deaths > deaths:
            self._suspects.died(tries.suspect, now)
        return fault

    def _count(self, outcome: str) -> None:
        _CALLS.add(1, {**self._of, "outcome": outcome})

    def _pick(self, tries: Tries) -> Replica:
        best = self._freest(tries)
        if not best and tries.tried:
            tries.tried.clear()
            best = self._freest(tries)
        if not best and tries.budget.waits:
            late = [replica for replica in self._replicas.values() if replica.late]
            most = max((replica.free for replica in late), default=0)
            best = [replica for replica in late if replica.free == most]
        if not best:
            tries.again = False
            raise unavailable(self.stage)
        return random.choice(best)

    def _freest(self, tries: Tries) -> list[Replica]:
        """The replicas with most free slots, of those that serve and were not tried."""
        best: list[Replica] = []
        most = 0
        for replica in self._replicas.values():
            if replica.serving and replica.replica_id not in tries.tried:
                free = replica.free
                if not best or free > most:
                    best, most = [replica], free
                elif free == most:
                    best.append(replica)
        return best

    def _untried(self, tries: Tries) -> list[Replica]:
        serving = (replica for replica in self._replicas.values() if replica.serving)
        return [replica for replica in serving if replica.replica_id not in tries.tried]


class Suspects:
    """How many replicas ended with a question in work since it was last answered. Times are seconds on one clock."""

    def __init__(self) -> None:
        self.known: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()  # how many, and when the last one was

    def deaths(self, question: Hashable, now: float) -> int:
        """How many replicas ended with a question in work since it was last answered."""
        count, last = self.known.get(question, (0, now))
        return count if now - last < SECONDS else 0

    def died(self, question: Hashable, now: float) -> None:
        """Record one more replica that ended with a question in work."""
        count = self.deaths(question, now) + 1
        self.known.pop(question, None)
        self.known[question] = (count, now)
        if len(self.known) > ROOM:
            self.known.popitem(last=False)

    def answered(self, question: Hashable) -> None:
        """Clear the record of a question that got its whole answer."""
        self.known.pop(question, None)
