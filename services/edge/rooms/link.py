"""The way to the other edges of one room: what is published here is numbered and kept, what is missing is asked for.

A message that is lost on the way, or came while nobody could be reached, is noticed by its number, or by the newest
number of a beat, and sent again from the ring of whoever published it. Where the ring has it no longer, and for an edge
that opens the room, all that is known of the room is sent: taking it in twice changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mesh.rooms.v1 import rooms_pb2 as mesh
from services.edge.rooms.demand import Want
from services.edge.rooms.ring import Inlet, Ring
from services.edge.rooms.room import Room

BEAT_SECONDS = 1.0
SEEK_SECONDS = 2.0  # between two looks for a witness
_MOST_EDGES = 256
LOST_SECONDS = 5.0  # an edge without a sign of life for so long is lost


class Wire(Protocol):
    """What carries messages between edges."""

    @property
    def connected(self) -> bool:
        """Whether messages can be sent now."""

    async def send(self, subject: str, packed: bytes, reply: str = "") -> None:
        """Send a message; it may be lost."""

    async def settle(self) -> bool:
        """Wait until all that was sent has arrived where it is passed on; return whether it has."""


@dataclass(slots=True)
class RoomLink:
    """One room's messages to other edges, and theirs."""

    key: str
    room: Room
    wire: Wire
    ring: Ring
    inlets: dict[str, Inlet] = field(default_factory=dict)
    crowds: dict[str, int] = field(default_factory=dict)  # members of the room at other edges
    _sent: int = 0  # the newest number that was sent
    _beat_at: float = 0.0
    _sought_at: float = 0.0  # when a witness was last looked for
    _away: bool = False  # whether nobody could be reached
    _wants: list[mesh.Want] = field(default_factory=list)
    _members: int = 0
    _acks: deque[tuple[int, Callable[[], None]]] = field(default_factory=deque)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def edge(self) -> str:
        """The name of this process among edges."""
        return self.room.edge

    @property
    def others(self) -> bool:
        """Whether the room has members at other edges."""
        return any(self.crowds.values())

    def publish(self, post: mesh.Post) -> None:
        """Send a message to the other edges: now, or once they can be reached."""
        post.edge = self.edge
        self.ring.add(post)
        self._wake.set()

    def acknowledge(self, then: Callable[[], None]) -> None:
        """Call a function once the other edges have what was published before."""
        self._acks.append((self.ring.newest, then))
        self._wake.set()

    def wants(self, wants: Mapping[str, Want], members: int) -> None:
        """Tell the other edges what is wanted here."""
        self._wants = [
            mesh.Want(lang=lang, captions=want.captions, voice=want.voice, original=want.original)
            for lang, want in wants.items()
        ]
        self._members = members
        self._beat_at = 0.0
        self._wake.set()

    def reached(self) -> None:
        """Go on once the others can be reached again."""
        self._beat_at = 0.0
        self._wake.set()

    async def tend(self) -> None:
        """Send what is published, and signs of life, for as long as it runs."""
        asked = False
        while True:
            self._wake.clear()
            if self.wire.connected:
                self._see_others_again()
                asked = asked or await self._ask_all()
                await self._send()
                await self._look_after_others()
                await self._seek_witness()
            else:
                self._away = True
            try:
                async with asyncio.timeout(BEAT_SECONDS / 4 if self._acks or self._waits() else BEAT_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def take(self, post: mesh.Post) -> None:
        """Take in a message of another edge."""
        now = time.monotonic()
        inlet = self.inlets.get(post.edge)
        if inlet is None and len(self.inlets) >= _MOST_EDGES:
            return
        if inlet is None:
            inlet = self.inlets[post.edge] = Inlet(1, now)
            if max(post.seq, post.beat.newest_seq) > 1:  # what came before is asked for as a whole; the rest waits
                inlet.asked_at = now
                await self._ask(post.edge, 0)
        inlet.heard_at = now
        if post.seq:
            self._deliver(inlet.take(post))
        elif post.HasField("beat"):
            inlet.newest = max(inlet.newest, post.beat.newest_seq)
            wants = {each.lang: Want(each.captions, each.voice, each.original) for each in post.beat.wants}
            self.crowds[post.edge] = post.beat.members
            self.room.wanted_elsewhere(post.edge, wants)
        else:
            self.room.heard(post)
        if (number := inlet.asks(now)) is not None:
            await self._ask(post.edge, number)

    async def answer(self, number: int, reply: str) -> None:
        """Send messages again to whoever asks, from a number on, or all that is known."""
        kept = self.ring.since(number) if number else None
        if kept is not None:
            for _, packed in kept:
                await self.wire.send(reply, packed)
            return
        newest = self.ring.newest
        for post in self._known():
            await self.wire.send(reply, post.SerializeToString())
        told = mesh.Ask(room=self.key, from_seq=newest + 1)
        await self.wire.send(f"{reply}.skip.{self.edge}", told.SerializeToString())

    def skipped(self, edge: str, number: int) -> None:
        """Expect no message of an edge before a number: all that was before has come otherwise."""
        if (inlet := self.inlets.get(edge)) is not None:
            self._deliver(inlet.skip_to(number))

    def _known(self) -> Iterable[mesh.Post]:
        """Yield what is known of the room, but for what other edges that are there know better."""
        for post in self.room.posts():
            holder = self.room.records[post.speaker].state.edge if post.speaker else self.edge
            if holder == self.edge or holder not in self.inlets:
                post.edge = self.edge
                yield post

    def _deliver(self, posts: Iterable[mesh.Post]) -> None:
        for post in posts:
            self.room.heard(post)

    def _waits(self) -> bool:
        return any(inlet.newest >= inlet.expected for inlet in self.inlets.values())

    async def _send(self) -> None:
        for number, packed in self.ring.since(self._sent + 1) or self.ring.since(self.ring.newest) or ():
            await self.wire.send(subject(self.key), packed)
            self._sent = number
        now = time.monotonic()
        if now - self._beat_at >= BEAT_SECONDS:
            self._beat_at = now
            beat = mesh.Beat(newest_seq=self.ring.newest, wants=self._wants, members=self._members)
            await self.wire.send(subject(self.key), mesh.Post(edge=self.edge, beat=beat).SerializeToString())
        if self._acks and self._acks[0][0] <= self._sent:
            sent = self._sent
            if await self.wire.settle():
                while self._acks and self._acks[0][0] <= sent:
                    self._acks.popleft()[1]()

    def _see_others_again(self) -> None:
        """Give others time for a sign of life, after a while in which none could come."""
        if self._away:
            self._away = False
            for inlet in self.inlets.values():
                inlet.heard_at = time.monotonic()

    async def _look_after_others(self) -> None:
        now = time.monotonic()
        for edge, inlet in list(self.inlets.items()):
            if now - inlet.heard_at > LOST_SECONDS:
                del self.inlets[edge]
                self.crowds.pop(edge, None)
                self._deliver(inlet.skip_to(inlet.next_held()))
                self.room.lost(edge)
                continue
            if (number := inlet.asks(now)) is not None:
                await self._ask(edge, number)
            if inlet.given_up(now):
                await self._ask(edge, 0)
                self._deliver(inlet.skip_to(inlet.next_held()))

    async def _seek_witness(self) -> None:
        """Have another edge keep the room as well, where this one alone has what was said in it."""
        now = time.monotonic()
        if self.inlets or not self.ring.newest:
            self._sought_at = now
        elif now - self._sought_at >= SEEK_SECONDS:
            self._sought_at = now
            await self.wire.send(KEEPING, mesh.Ask(room=self.key).SerializeToString())

    async def _ask(self, edge: str, number: int) -> None:
        asked = mesh.Ask(room=self.key, from_seq=number)
        await self.wire.send(f"{ASKING}.{edge}", asked.SerializeToString(), f"{ANSWERS}.{self.edge}.{self.key}")

    async def _ask_all(self) -> bool:
        asked = mesh.Ask(room=self.key)
        await self.wire.send(ASKING, asked.SerializeToString(), f"{ANSWERS}.{self.edge}.{self.key}")
        return True


ROOMS, ASKING, ANSWERS = "babelmesh.rooms", "babelmesh.ask", "babelmesh.answers"
KEEPING = "babelmesh.keep"  # a room, to any one edge


def subject(key: str) -> str:
    """Return the subject of a room's messages."""
    return f"{ROOMS}.{key}"
