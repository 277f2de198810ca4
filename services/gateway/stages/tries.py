"""One question's way round the replicas: what a failed try means, and whether there is another."""

from __future__ import annotations

import random
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum, auto

import grpc

from services.common.errors import AtCapacity, Defect, MeshError, StageFailed, TooSlow
from services.common.server.holding import WORK_TOO_LONG
from services.common.statuses import from_rpc_error
from services.gateway.stages.calls import Abandoned
from services.gateway.stages.links import Link
from services.gateway.stages.watching import unheard

RETRY_SECONDS = 0.4  # after its first failure a question is not put to the same replicas again for longer
LONGEST_SECONDS = 600.0  # of waiting for a replica that nobody could stand in for, whatever is to be hoped of it
MOST_DEATHS = 2  # of replicas that had the question in work
MOST_FAILURES = 2  # of engines at the question, or of replicas too slow for it
BROKEN = (  # the codes of a call whose connection went away; a proxy between makes the latter ones of it
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
)
CallFailed = grpc.aio.AioRpcError | TimeoutError | Abandoned


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a question may take, and whether it waits for a replica."""

    seconds: float = float("inf")  # in all
    retry_seconds: float = RETRY_SECONDS  # for asking those again that refused
    waits: bool = False  # whether a replica that is late is asked where no other serves


class Trouble(Enum):
    """The ways in which a try can fail."""

    REFUSED = auto()  # full, or not reached: the question did nothing to the replica
    DIED = auto()  # the replica went away with the question in work
    FAILED = auto()  # its engine gave up on the question
    SLOW = auto()
    FINAL = auto()  # the question is at fault: another replica would say the same


@dataclass(slots=True)
class Tries:
    """Times are seconds on one monotonic clock."""

    stage: str
    budget: Budget
    started: float
    suspect: Hashable = None  # what replicas may die of; None: of this they do not
    deaths: int = 0  # of replicas that had it in work
    tried: set[int] = field(default_factory=set)  # replicas, in this round
    again: bool = True  # whether there may be another try
    troubles: list[Trouble] = field(default_factory=list)
    broken: list[Link] = field(default_factory=list)  # connections that died with it in work
    _refused_since: float | None = None

    def left(self, now: float) -> float:
        """Seconds until the answer is of no use."""
        return self.started + self.budget.seconds - now

    def went_on(self, link: Link) -> None:
        """Note that the question is being answered: what refused before may be asked again should this break off."""
        self.tried = {link.replica_id}
        self._refused_since = None

    def failed(self, error: CallFailed, link: Link, now: float, others: bool) -> MeshError:
        """What to report should there be no other try; `again` tells. `others`: there are replicas not asked yet."""
        fault = fault_of(error, self.stage)
        trouble = trouble_of(error, fault, link)
        if blames(fault):
            trouble = Trouble.FINAL if self.suspect is None else Trouble.DIED
        elif trouble is Trouble.DIED and (self.suspect is None or any(each is link for each in self.broken)):
            trouble = Trouble.REFUSED  # a connection that broke refuses until it is known to be lost: no second death
        self.troubles.append(trouble)
        if self._refused_since is None:
            self._refused_since = now
        if trouble is Trouble.DIED:
            self.deaths += 1
            self.broken.append(link)
            fault = quarantined(self.stage) if self.deaths >= MOST_DEATHS else fault
        self.again = self._worth_another(trouble, now, others) and self.left(now) > 0
        return fault

    def _worth_another(self, trouble: Trouble, now: float, others: bool) -> bool:
        match trouble:
            case Trouble.REFUSED:
                assert self._refused_since is not None
                return others or now - self._refused_since < self.budget.retry_seconds
            case Trouble.DIED:
                return self.deaths < MOST_DEATHS
            case Trouble.FAILED:
                return self.troubles.count(trouble) < MOST_FAILURES
            case Trouble.SLOW:
                return others and self.troubles.count(trouble) < MOST_FAILURES
            case Trouble.FINAL:
                return False


def quarantined(stage: str) -> StageFailed:
    """The fault of a question that is not tried any more: replicas have ended over it."""
    message = f"{MOST_DEATHS} replicas of the {stage} stage ended or failed over this. It is not tried again."
    return StageFailed(f"{stage}_QUARANTINED", message, stage=stage)


def blames(fault: MeshError) -> bool:
    """Whether a stage says of what it was asked that it cannot bear it: as bad as a replica that ends over it."""
    return isinstance(fault, Defect) or fault.code == WORK_TOO_LONG


def trouble_of(error: CallFailed, fault: MeshError, link: Link) -> Trouble:
    """How a try failed on a replica. One that was about to stop anyway does not die of a question."""
    if isinstance(error, Abandoned):
        return Trouble.DIED if died(link) else Trouble.REFUSED
    if isinstance(fault, AtCapacity):
        return Trouble.REFUSED
    if isinstance(fault, TooSlow):
        return Trouble.SLOW
    if not isinstance(fault, StageFailed):
        return Trouble.FINAL
    if fault.code != f"{fault.stage}_UNAVAILABLE":
        return Trouble.FAILED
    return Trouble.DIED if _broke(error, link) and not link.draining.is_set() else Trouble.REFUSED


def died(link: Link) -> bool:
    """Whether a replica that is lost may have died of what it had in work: not one that was only silent, or drained."""
    return link.died.is_set() and not link.draining.is_set()


def _broke(error: CallFailed, link: Link) -> bool:
    """Whether the connection broke under the call. gRPC's words alone tell that from one that was never there."""
    if not isinstance(error, grpc.aio.AioRpcError) or error.code() not in BROKEN or given_up(error, link):
        return False
    return "failed to connect" not in (error.details() or "").lower()


def given_up(error: grpc.aio.AioRpcError, link: Link) -> bool:
    """Whether a connection ended on our side alone, as the replica was silent for too long."""
    return unheard(error) or (link.lost.is_set() and not link.died.is_set())


def fault_of(error: CallFailed, stage: str) -> MeshError:
    """The fault behind a failed call to a stage. A stage's own fields mean nothing to clients: they are words here."""
    if isinstance(error, grpc.aio.AioRpcError):
        found = from_rpc_error(error, stage)
        found.message, found.field, found.accepted = str(found), "", ()
        return found
    if isinstance(error, Abandoned):
        return unavailable(stage)
    message = f"The {stage} stage did not answer in time."
    return TooSlow(f"{stage}_TOO_SLOW", message, retry_after_ms=1000, stage=stage)


def unavailable(stage: str) -> StageFailed:
    """The fault of a stage of which no replica serves. Callers are told to come back at different times."""
    message = f"No replica of the {stage} stage is available."
    return StageFailed(f"{stage}_UNAVAILABLE", message, retry_after_ms=random.randint(500, 1500), stage=stage)
