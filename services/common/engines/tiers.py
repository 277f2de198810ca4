"""Chooses the tier of an utterance, one of several models: the largest whose answers keep the objective. Pure.

Times are seconds on one monotonic clock, told by the caller. Tiers are counted from 0, the smallest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

IDLE_SECONDS = 10.0  # a session that asked for nothing for so long adds nothing to the load
FORGOTTEN_SECONDS = 120.0  # after which it counts as new
JUDGED = 3  # the last answers decide: so many, or one for every four sessions
LATE = 2  # of them, or a third: where so many come close to their objective, the next smaller tier is taken
SLIPPING = 0.7  # of the objective is close to it
CALM = 0.5  # of the objective: where the last answers took less, on average, a larger tier may be tried
MOST_JUDGED = 64
ROOM_TO_RISE = 0.8  # of the cores, and of the objective: a session rises to a tier that is predicted to take less
RISE_SECONDS = 2.0  # between two sessions that rise, so that what the first one costs is seen
SETTLING_SECONDS = 1.0  # after a step down: answers to what was asked earlier still wait for the larger tier
MOST_PATIENT = 8  # times as long until a tier is tried again that slipped soon after each time


@dataclass(frozen=True, slots=True)
class Tier:
    """One of the models of a language, with its costs as timed at start."""

    name: str
    cost: float = 0.0  # seconds of a core for a second of speech; 0: not known
    answer_seconds: float = 0.0  # from the end of speech, or a text, to its answer on an idle machine; 0: not known


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's rules for choosing tiers."""

    cores: float = 1.0  # that the tiers may fill together
    calm_seconds: float = 20.0  # without a slip, until a larger tier is tried


@dataclass(frozen=True, slots=True)
class Asked:
    """An utterance that is about to begin: its session, its objective, and the tiers' queues."""

    session: Hashable
    objective_seconds: float  # within which its answer is to be there
    queue_seconds: Sequence[float] = ()  # how long work waits for each tier now; none: for no tier


class Reason(StrEnum):
    """The reason for a change of a session's tier."""

    SLIPPED = "slipped"  # answers came too late
    CROWDED = "crowded"  # too many are predicted to speak at once for the tier, or too much waits for it
    RECOVERED = "recovered"  # there is room for a larger one again


@dataclass(frozen=True, slots=True)
class Choice:
    """The tier chosen for one utterance, and why it changed."""

    tier: int
    larger: int  # so many larger tiers there are, which it did not get
    changed: Reason | None = None  # why it is another one than the session had


@dataclass(slots=True)
class _Member:
    """A session, with the tier of its newest utterance."""

    tier: int
    since: float
    seen: float


class Ladder:
    """The tiers of one language and the sessions on them. Call `pick` before each utterance, and `answered` after
    it.

    A new session gets the largest tier that keeps its objective beside those that run. Answers that come close to
    their objective take one tier away from all: the next utterances of who has it get the smaller one. Once answers
    were quick for a while, sessions rise one after the other, each by one tier, as far as there is room.
    """

    def __init__(self, tiers: Sequence[Tier], rules: Rules = Rules()) -> None:
        """Build a ladder from tiers, small to large. Raises ValueError for none."""
        if not tiers:
            raise ValueError("a ladder has at least one tier")
        self.tiers = tuple(tiers)
        self._rules = rules
        self._members: dict[Hashable, _Member] = {}
        self._lateness: deque[float] = deque(maxlen=MOST_JUDGED)  # answers over their objectives, since the last step
        self._top = len(tiers) - 1  # the largest tier that is given now
        self._patience = 1  # times the calm that is asked for
        self._slipped: float | None = None  # when the top was taken away last
        self._raised: float | None = None  # when one was given again last
        self._rose: float | None = None  # when a session rose last

    def pick(self, now: float, asked: Asked) -> Choice:
        """Choose the tier of a session's next utterance."""
        self._forget(now)
        self._raise_top(now)
        member = self._members.get(asked.session)
        reason: Reason | None = None
        if member is None:
            tier = self._largest(now, asked, self._top, 1.0)
            member = self._members[asked.session] = _Member(tier, now, now)
        elif (tier := self._next(now, asked, member)) != member.tier:
            reason = Reason.RECOVERED if tier > member.tier else self._why(tier)
            if tier > member.tier:
                self._rose = now
            member.tier, member.since = tier, now
        member.seen = now
        return Choice(member.tier, len(self.tiers) - 1 - member.tier, reason)

    def put(self, now: float, session: Hashable, tier: int) -> None:
        """Record that a session is on a tier that was decided elsewhere."""
        member = self._members.setdefault(session, _Member(tier, now, now))
        if member.tier != tier:
            member.tier, member.since = tier, now
        member.seen = now

    def answered(self, now: float, asked_at: float, seconds: float, objective_seconds: float) -> None:
        """Record how long the answer to an utterance took, and step down where answers come too late."""
        if self._slipped is not None and asked_at < self._slipped + SETTLING_SECONDS:
            return
        self._lateness.append(seconds / objective_seconds)
        count = self._judged(now)
        if sum(each > SLIPPING for each in self._last(count)) >= max(LATE, count // 3):
            self._step_down(now)

    def left(self, session: Hashable) -> None:
        """Remove a session that is gone."""
        self._members.pop(session, None)

    def in_use(self, now: float) -> list[int]:
        """Return the number of recently active sessions on each tier."""
        running = [member.tier for member in self._running(now)]
        return [running.count(tier) for tier in range(len(self.tiers))]

    def _next(self, now: float, asked: Asked, member: _Member) -> int:
        """Return a member's next tier: a smaller one at once where needed, one larger where there is room."""
        keeps = self._largest(now, asked, min(member.tier, self._top), 1.0)
        if keeps < member.tier or member.tier >= self._top:
            return keeps
        larger = member.tier + 1
        calm_seconds = min(now - member.since, _since(self._slipped, now))
        if calm_seconds < self._calm_seconds or not self._quick(now) or _since(self._rose, now) < RISE_SECONDS:
            return member.tier
        return larger if self._fits(now, asked, larger, ROOM_TO_RISE) else member.tier

    def _largest(self, now: float, asked: Asked, top: int, share: float) -> int:
        """Return the largest tier up to `top` predicted to keep the objective; the smallest where none is."""
        return next((tier for tier in range(top, 0, -1) if self._fits(now, asked, tier, share)), 0)

    def _fits(self, now: float, asked: Asked, tier: int, share: float) -> bool:
        """Return whether a tier is predicted to answer within a share of the objective, beside the other sessions."""
        wanted = self.tiers[tier]
        own = self._members.get(asked.session)
        cores = wanted.cost + sum(self.tiers[each.tier].cost for each in self._running(now) if each is not own)
        if cores > share * self._rules.cores and wanted.cost:
            return False
        queue_seconds = asked.queue_seconds[tier] if asked.queue_seconds else 0.0
        return queue_seconds + wanted.answer_seconds <= share * asked.objective_seconds

    def _why(self, tier: int) -> Reason:
        return Reason.SLIPPED if tier == self._top else Reason.CROWDED

    def _step_down(self, now: float) -> None:
        self._lateness.clear()
        used = max((member.tier for member in self._running(now)), default=0)
        soon = min(_since(self._rose, now), _since(self._raised, now)) < 2 * self._rules.calm_seconds
        self._patience = min(MOST_PATIENT, 2 * self._patience) if soon else 1
        self._top = max(0, min(self._top, used) - 1)
        self._slipped = now

    def _raise_top(self, now: float) -> None:
        """Allow one larger tier again after a calm period."""
        calm_seconds = min(_since(self._slipped, now), _since(self._raised, now))
        if self._top == len(self.tiers) - 1 or calm_seconds < self._calm_seconds or not self._quick(now):
            return
        self._lateness.clear()
        self._top += 1
        self._raised = now

    def _running(self, now: float) -> Iterator[_Member]:
        """Yield the recently active sessions. Metrics are read in another thread, so a copy is iterated."""
        return (member for member in list(self._members.values()) if now - member.seen <= IDLE_SECONDS)

    @property
    def _calm_seconds(self) -> float:
        return self._rules.calm_seconds * self._patience

    def _quick(self, now: float) -> bool:
        """Return whether the last answers were quick enough to leave room for a larger tier."""
        last = self._last(self._judged(now))
        return not last or sum(last) / len(last) <= CALM

    def _judged(self, now: float) -> int:
        """Return how many of the last answers are judged."""
        return min(MOST_JUDGED, max(JUDGED, sum(1 for _ in self._running(now)) // 4))

    def _last(self, count: int) -> list[float]:
        return list(self._lateness)[-count:]

    def _forget(self, now: float) -> None:
        gone = [session for session, each in self._members.items() if now - each.seen > FORGOTTEN_SECONDS]
        for session in gone:
            del self._members[session]


def _since(when: float | None, now: float) -> float:
    return float("inf") if when is None else now - when
