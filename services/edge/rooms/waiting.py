"""What waits for one member: bounded, and never waited for by whoever puts in more.

An interim caption gives way to a newer one in its place. Of voices and originals the oldest are left out beyond some
seconds; clauses are named. Captions are never left out: a member that leaves too many unread has to come back, with
what it has, and gets the rest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from services.edge import measures
from services.edge.faults import Fault
from services.edge.rooms.values import Sent, sent

MOST_MESSAGES = 2000
_MOST_ORIGINALS = 30  # pieces of a speaker's own audio, some 100 ms each
_SLOW = Fault(
    503, "SLOW_READER", "Too much waits unread. Join again with `received`: nothing is lost.", retry_after_ms=1
)


class _Slot:
    """A place in the queue, whose message may be replaced."""

    __slots__ = ("sent",)

    def __init__(self, first: Sent) -> None:
        self.sent = first


@dataclass(slots=True)
class Waiting:
    """The messages that wait for one member. Any number of tasks may put, one takes."""

    most_voice_ms: int
    fault: Fault | None = None  # why the member has to go
    closed: bool = False
    _slots: deque[_Slot] = field(default_factory=deque)
    _replaceable: dict[tuple[str, str, int], _Slot] = field(default_factory=dict)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def __len__(self) -> int:
        return len(self._slots)

    def put(self, message: Sent) -> None:
        """Add a message; it is dropped once the member is to go."""
        if self.closed:
            return
        if message.replaces is not None:
            if (slot := self._replaceable.get(message.replaces)) is not None:
                slot.sent = message
                return
            slot = self._replaceable[message.replaces] = _Slot(message)
        else:
            slot = _Slot(message)
        self._slots.append(slot)
        if message.audio and len(self._slots) > _MOST_ORIGINALS:
            self._leave_out(message)
        if len(self._slots) > MOST_MESSAGES:
            self.close(_SLOW)
        self._more.set()

    def try_take(self) -> Sent | None:
        """Return the next message; None where none waits."""
        if not self._slots:
            return None
        message = self._slots.popleft().sent
        if message.replaces is not None:
            self._replaceable.pop(message.replaces, None)
        return message

    async def take(self) -> Sent | None:
        """Return the next message once there is one; None when it is closed and empty."""
        while (message := self.try_take()) is None:
            if self.closed:
                return None
            self._more.clear()
            await self._more.wait()
        return message

    def close(self, fault: Fault | None = None) -> None:
        """End it: what waits can still be taken, but for a member that reads too slowly."""
        self.fault = self.fault or fault
        self.closed = True
        if fault is _SLOW:
            self._slots.clear()
        self._more.set()

    def _leave_out(self, newest: Sent) -> None:
        if newest.original:
            pieces = [slot for slot in self._slots if slot.sent.original]
            for slot in pieces[: max(0, len(pieces) - _MOST_ORIGINALS)]:
                self._slots.remove(slot)
        elif newest.clause and newest.clause.begins:
            self._skip(newest.clause.voice)

    def _skip(self, voice: str) -> None:
        """Leave out the whole clauses of a voice but the newest where too much of it waits."""
        clauses = [slot.sent.clause for slot in self._slots if slot.sent.clause]
        if sum(each.milliseconds for each in clauses if each.voice == voice) <= self.most_voice_ms:
            return
        kept: deque[_Slot] = deque()
        inside = False
        last = max(at for at, slot in enumerate(self._slots) if _begins(slot.sent, voice))
        for at, slot in enumerate(self._slots):
            clause = slot.sent.clause
            if clause is None or clause.voice != voice or at >= last or not (inside or clause.begins):
                kept.append(slot)
                continue
            if clause.begins:
                kept.append(_Slot(_skipped(slot.sent)))
            inside = not clause.ends
        self._slots = kept


def _begins(message: Sent, voice: str) -> bool:
    return message.clause is not None and message.clause.voice == voice and message.clause.begins


def _skipped(message: Sent) -> Sent:
    names = ("speaker", "lang", "segment_id", "offset_ms", "text")
    measures.skipped(str(message.event.get("lang", "")))
    told = {name: message.event[name] for name in names if name in message.event}
    return sent({"type": "voice_skipped", "reason": "SLOW_READER", **told})
