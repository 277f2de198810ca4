"""The rooms of a process: opened by whoever joins first, kept for a while after the last has left."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from mesh.rooms.v1 import rooms_pb2 as mesh
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.cancelling import TaskGroup
from services.common.text import languages
from services.edge import measures
from services.edge.faults import Fault
from services.edge.rooms import telling
from services.edge.rooms.access import Pass, granted
from services.edge.rooms.faults import in_room
from services.edge.rooms.member import Member, agreed
from services.edge.rooms.room import Link, Room
from services.edge.rooms.speaker import Offer, Speaker, offered
from services.edge.rooms.speaking import Patience, Speaking
from services.edge.rooms.standing import refused
from services.edge.rooms.terms import glossary
from services.edge.rooms.unfinished import Unfinished
from services.edge.rooms.values import Entry, Speech, sent
from services.edge.rooms.waiting import Waiting
from services.edge.settings import EdgeSettings
from services.edge.upstream import Caller, Gateway

log = logging.getLogger(__name__)
_OUTPUT = pb.AudioFormat(format="pcm16le", sample_rate=24_000)


class Bus(Protocol):
    """The way to other edges."""

    async def open(self, key: str, room: Room) -> Link:
        """Join other edges in a room, and learn what they know of it."""

    async def close(self, key: str) -> None:
        """Leave the other edges of a room."""


@dataclass(slots=True)
class _Open:
    """A room that is open, and since when nobody is in it."""

    room: Room
    tending: asyncio.Task[None]
    empty_since: float | None = None

    @property
    def empty(self) -> bool:
        """Whether nobody is in the room at this edge."""
        return not len(self.room.listeners) and not self.room.speakers

    @property
    def over(self) -> bool:
        """Whether nobody is in the room, at any edge that is known of."""
        return self.empty and not (self.room.link and self.room.link.others)

    @property
    def wordless(self) -> bool:
        """Whether nothing was said in the room, or set."""
        return not self.room.terms.version and not any(each.segments for each in self.room.records.values())


class Rooms:
    """The rooms of a process."""

    def __init__(self, settings: EdgeSettings, gateway: Gateway) -> None:
        self.settings = settings
        self.edge = secrets.token_hex(6)  # the name of this process among edges
        self._gateway = gateway
        self._bus: Bus | None = None
        self._rooms: dict[str, _Open] = {}
        self._opening = asyncio.Lock()
        self._tasks: TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Rooms]:
        """Hold the rooms for the block."""
        async with AsyncExitStack() as stack:
            if self.settings.rooms_nats:
                from services.edge.rooms.bus import bus  # noqa: PLC0415  # the extra `rooms` brings what it imports

                self._bus = await stack.enter_async_context(bus(self.settings, self))
            tasks = self._tasks = await stack.enter_async_context(TaskGroup())
            sweeping = tasks.create_task(self._sweep())
            try:
                yield self
            finally:
                sweeping.cancel()
                self._tasks = None
                for key in list(self._rooms):
                    await self._close(key)

    @asynccontextmanager
    async def joined(self, entry: Entry, caller: Caller) -> AsyncIterator[Member]:
        """Be a member of a room for the block. Raises InvalidArgument or Fault where it cannot be joined.

        The gateway has been asked about the caller's token.

        The first message is `joined`. A speaker's session is opened meanwhile: `ready` says when it is, and from
        where on audio is to be sent again. Behind the block a speaker counts as lost, or, where it said so, as left.
        """
        allowed = granted(caller.token)
        allowed.require(entry.room, entry.role)
        offer = offered(await self._gateway.describe(caller))
        wish = agreed(entry.wish, offer, "join")
        room = await self._room(key_of(allowed.tenant, entry.room))
        resumes = entry.speech is not None and entry.speech.resume_handle
        waiting = Waiting(self.settings.max_voice_wait_ms)
        member = Member(entry.member if resumes else new_id(), entry.role, wish, room, offer, waiting)
        speech = entry.speech
        told = {"type": "joined", "room": entry.room, "member": member.id, "role": entry.role, **telling.wish(wish)}
        member.put(sent({**told, "langs": offer.langs, "max_langs": self.settings.rooms_max_langs}))
        try:
            if speech is not None:
                member.speaker = self._speaker(member, entry, speech, caller)
            room.enter(member, entry.received)
            if wish.voice and wish.lang and not offer.speaks(wish.lang):
                member.put(telling.no_voice(wish.lang))
            with self._standing(member, caller, allowed), measures.room_member("speaker" if speech else "listener"):
                yield member
        finally:
            member.end()
            room.leave(member)
            if member.speaker is not None:
                member.speaker.speaking.end()
            if member.speaker is not None and room.speakers.get(member.id) is member.speaker:
                gone = mesh.SPEAKER_STATE_LEFT if member.leaves else mesh.SPEAKER_STATE_LOST
                member.speaker.left(gone)

    @contextmanager
    def _standing(self, member: Member, caller: Caller, allowed: Pass) -> Iterator[None]:
        """Have a member who only listens go once its token holds no longer."""
        if member.speaker is not None or allowed.expires == math.inf:
            yield
            return

        async def put_out() -> None:
            grace_seconds = self.settings.rooms_token_grace_seconds
            member.end(await refused(self._gateway, caller, allowed.expires, grace_seconds))

        assert self._tasks is not None
        waiting = self._tasks.create_task(put_out())
        try:
            yield
        finally:
            waiting.cancel()

    def find(self, tenant: str, name: str) -> Room | None:
        """Return a room that is open here; None where it is not."""
        found = self._rooms.get(key_of(tenant, name))
        return found.room if found else None

    async def opened(self, tenant: str, name: str) -> Room:
        """Return a room, opened here for a look where it was not."""
        return await self._room(key_of(tenant, name))

    async def keep(self, key: str) -> None:
        """Keep a room of other edges without members here, where there is place for it."""
        if len(self._rooms) < self.settings.rooms_most and self._tasks is not None:
            await self._room(key)

    async def _room(self, key: str) -> Room:
        async with self._opening:
            if key not in self._rooms:
                await self._make_place()
                if len(self._rooms) >= self.settings.rooms_most:
                    message = f"This edge has {self.settings.rooms_most} rooms, and may have no more."
                    raise Fault(429, "TOO_MANY_ROOMS", message, retry_after_ms=5000)
                assert self._tasks is not None
                room = Room(self.settings, self.edge)
                if self._bus is not None:
                    room.link = await self._bus.open(key, room)
                self._rooms[key] = _Open(room, self._tasks.create_task(room.tend()))
                measures.rooms_open(1)
            return self._rooms[key].room

    async def _make_place(self) -> None:
        """Close a room in which nobody is where there are as many as may be: one without a word, else the oldest."""
        if len(self._rooms) >= self.settings.rooms_most:
            empty = [key for key, each in self._rooms.items() if each.empty]
            wordless = [key for key in empty if self._rooms[key].wordless]
            for key in (wordless or empty)[:1]:
                await self._close(key)

    def _speaker(self, member: Member, entry: Entry, speech: Speech, caller: Caller) -> Speaker:
        """Begin a speaker's session. Raises InvalidArgument for a language that is not recognized or translated."""
        sources = [_source(lang, member.offer) for lang in speech.source_langs]
        room, record = member.room, member.room.record(member.id)
        config = pb.SessionConfig(partial_results=True, output=_OUTPUT, resume_handle=speech.resume_handle)
        config.source_langs.extend(sources if len(sources) > 1 else [])
        config.source_lang = sources[0] if len(sources) == 1 else ""
        if speech.input is not None:
            config.input.format, config.input.sample_rate = speech.input.format, speech.input.sample_rate
        config.glossary.CopyFrom(glossary(room.terms, sources))
        unfinished = Unfinished(speech.input, typed=record.typed)
        speaking = Speaking(lambda: self._gateway.stream(caller), config, unfinished)
        speaker = Speaker(record, speaking, room, member.offer, entry.name)
        speaker.prepare(sources, room.demand.needed(time.monotonic()), self.settings.rooms_max_langs)
        speaker.terms = room.terms.version
        speaker.member = member
        assert self._tasks is not None
        self._tasks.create_task(self._speak(member, speaker))
        return speaker

    async def _speak(self, member: Member, speaker: Speaker) -> None:
        """Hold a speaker's session, to its end or the member's."""
        patience = Patience(self.settings.open_ms / 1000, self.settings.rooms_lost_ms / 1000)
        fault = await speaker.speaking.run(speaker, patience)
        member.end(in_room(fault) if fault is not None else None)
        room = member.room
        room.forget(member.id)
        if room.speakers.get(member.id) is speaker:
            speaker.left(mesh.SPEAKER_STATE_LEFT if member.leaves else mesh.SPEAKER_STATE_LOST)
            del room.speakers[member.id]

    async def _sweep(self) -> None:
        """Close rooms in which nobody has been for long."""
        while True:
            await asyncio.sleep(min(5.0, self.settings.rooms_kept_seconds / 2 + 0.1))
            now = time.monotonic()
            for key, opened in list(self._rooms.items()):
                if not opened.over:
                    opened.empty_since = None
                elif opened.empty_since is None:
                    opened.empty_since = now
                elif now - opened.empty_since >= self.settings.rooms_kept_seconds:
                    await self._close(key)

    async def _close(self, key: str) -> None:
        opened = self._rooms.pop(key)
        measures.rooms_open(-1)
        for speaker in opened.room.speakers.values():
            speaker.speaking.give_up()
        opened.tending.cancel()
        if self._bus is not None:
            await self._bus.close(key)


def key_of(tenant: str, name: str) -> str:
    """Return what a tenant's room is known under, which does not tell its name."""
    return hashlib.blake2b(f"{tenant}\0{name}".encode(), digest_size=12).hexdigest()


def new_id() -> str:
    """Return a new member's id."""
    return secrets.token_hex(6)


def _source(lang: str, offer: Offer) -> str:
    if lang == "auto":
        return lang
    return languages.require(lang, offer.langs, "join.source_langs")
