"""What waits for a client that reads slowly: bounded, its text whole, its speech skipped by the clause.

An interim result gives way to a newer one about the same thing. Of a live session, speech that waits for longer than is
allowed is left out, the oldest clauses first, until half of that is left; each is named. Everything else waits, and
with it whoever puts in more. A client may tell how far it has played a voice: speech further ahead of that than is
allowed waits here, and not in buffers of the network, so that it can still be skipped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from services.edge import measures
from services.edge.realtime.outputs import Event, Out

_OF_VOICES = frozenset({"voice_started", "voice_ended", "voice_skipped", "end_of_target"})


@dataclass(slots=True)
class Outbox:
    """The events that wait for one client. Any number of tasks may put; one takes."""

    most_bytes: int
    most_voice_ms: int
    most_ahead_ms: int = 5000  # of what a client has played, where it tells
    live: bool = True  # whether speech that is late may be skipped
    closed: bool = False
    _played: dict[str, int] = field(default_factory=dict)  # by language, where its listener is on the voice's own clock
    _items: deque[Out] = field(default_factory=deque)
    _bytes: int = 0
    _skipping: set[str] = field(default_factory=set)  # languages of whose clause the rest is left out
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, out: Out) -> None:
        """Add an event once there is room for it; after `close` it is dropped."""
        if out.voice and self._passed_over(out):
            return
        if out.replaces and self._replaced(out):
            return
        if out.begins and self.live and self._voice_ms(out.voice) > self.most_voice_ms:
            self._skip(out.voice)
        while self._bytes > self.most_bytes and not self.closed:
            self._room.clear()
            await self._room.wait()
        if not self.closed:
            self._add(out)

    def push(self, event: Event, replaces: tuple[str, int, str] | None = None) -> None:
        """Add an event of the edge's own at once: there are few of them."""
        out = Out(event, replaces)
        if not self.closed and not (replaces and self._replaced(out)):
            self._add(out)

    async def take(self) -> Out | None:
        """Return the next event once there is one; None when the outbox is closed and empty."""
        while (place := self._next()) is None:
            if self.closed:
                return None
            self._more.clear()
            await self._more.wait()
        out = self._items[place]
        del self._items[place]
        self._bytes -= out.size
        if self._bytes <= self.most_bytes:
            self._room.set()
        return out

    def played(self, lang: str, offset_ms: int) -> None:
        """Record how far a client has played a voice."""
        self._played[lang] = max(offset_ms, self._played.get(lang, 0))
        self._more.set()

    def close(self) -> None:
        """End the outbox: what is inside can still be taken."""
        self.closed = True
        self._more.set()
        self._room.set()

    def _next(self) -> int | None:
        """Return the place of the first event that may be sent; None where there is none."""
        if not (self._played and self.live) or self.closed:
            return 0 if self._items else None
        held: set[str] = set()
        for place, out in enumerate(self._items):
            lang = out.voice or (str(out.event.get("target_lang")) if out.event["type"] in _OF_VOICES else "")
            if out.voice and self._ahead_ms(out) > self.most_ahead_ms:
                held.add(out.voice)
            if lang not in held and not (held and out.event["type"] == "end_of_session"):
                return place
        return None

    def _ahead_ms(self, out: Out) -> int:
        offset = out.event.get("offset_ms")
        return offset - self._played[out.voice] if isinstance(offset, int) and out.voice in self._played else 0

    def _add(self, out: Out) -> None:
        self._items.append(out)
        self._bytes += out.size
        self._more.set()

    def _passed_over(self, out: Out) -> bool:
        """Return whether speech belongs to a clause of which the beginning was left out."""
        if out.begins:
            self._skipping.discard(out.voice)
        passed = out.voice in self._skipping
        if out.ends:
            self._skipping.discard(out.voice)
        return passed

    def _replaced(self, out: Out) -> bool:
        for index, waiting in enumerate(self._items):
            if waiting.replaces == out.replaces:
                self._bytes += out.size - waiting.size
                self._items[index] = out
                return True
        return False

    def _voice_ms(self, lang: str) -> float:
        return sum(each.milliseconds for each in self._items if each.voice == lang)

    def _skip(self, lang: str) -> None:
        """Leave out the oldest whole clauses of a language until half of what may wait is left."""
        left = self._voice_ms(lang)
        kept: deque[Out] = deque()
        inside = False  # a clause that is left out
        for each in self._items:
            if each.voice != lang or not (inside or each.begins):
                kept.append(each)
                continue
            if each.begins:
                inside = left > self.most_voice_ms / 2
                if inside:
                    kept.append(Out(_skipped(each.event)))
                    measures.skipped(lang)
            if inside:
                left -= each.milliseconds
                inside = not each.ends
                self._skipping.add(lang) if inside else self._skipping.discard(lang)
            else:
                kept.append(each)
        self._items = kept
        self._bytes = sum(each.size for each in kept)
        self._room.set()


def _skipped(event: Event) -> Event:
    told: Event = {name: event[name] for name in ("target_lang", "segment_id", "offset_ms", "text") if name in event}
    return {"type": "voice_skipped", "reason": "SLOW_READER", **told}
