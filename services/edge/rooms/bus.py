"""NATS between edges: one connection of a process, which comes back by itself, and the rooms' messages over it."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error

from mesh.rooms.v1 import rooms_pb2 as mesh
from services.common.cancelling import TaskGroup
from services.edge.rooms.checking import KEY, NAME, parsed, read_post
from services.edge.rooms.link import ANSWERS, ASKING, KEEPING, RoomLink, subject
from services.edge.rooms.ring import Ring
from services.edge.rooms.room import Room
from services.edge.settings import EdgeSettings

log = logging.getLogger(__name__)
_PARTS_OF_ANSWERS, _PARTS_OF_SKIPS = 4, 6  # of their subjects
_AGAIN_SECONDS = 0.25  # between two tries to connect
_SETTLED_SECONDS = 2
_PING_SECONDS = 5
_FIRST_SECONDS = 2.0  # for NATS at the start; later it comes once it can


@dataclass(slots=True)
class _Held:
    """A room's link, and what keeps it going."""

    link: RoomLink
    tending: asyncio.Task[None]
    subscription: Subscription | None = None


class Keeping(Protocol):
    """The rooms of a process, as far as other edges open some of them."""

    edge: str  # the name of this process among edges

    async def keep(self, key: str) -> None:
        """Keep a room without members here, where there is place for it."""


class NatsBus:
    """The way to other edges, over NATS."""

    def __init__(self, client: Client, settings: EdgeSettings, tasks: TaskGroup, rooms: Keeping) -> None:
        self._client = client
        self._settings = settings
        self._tasks = tasks
        self._keeping = rooms
        self._edge = rooms.edge
        self._rooms: dict[str, _Held] = {}
        self._listening = False

    @property
    def connected(self) -> bool:
        """Whether messages can be sent now."""
        return bool(self._client.is_connected)

    async def send(self, subject: str, packed: bytes, reply: str = "") -> None:
        """Send a message; it may be lost."""
        with suppress(Error, OSError):
            await self._client.publish(subject, packed, reply)

    async def settle(self) -> bool:
        """Wait until all that was sent has reached the server; return whether it has."""
        try:
            await self._client.flush(_SETTLED_SECONDS)
        except (Error, OSError, TimeoutError):
            return False
        return self.connected

    async def open(self, key: str, room: Room) -> RoomLink:
        """Join other edges in a room."""
        link = RoomLink(key, room, self, Ring(self._settings.rooms_ring_bytes))
        held = self._rooms[key] = _Held(link, self._tasks.create_task(link.tend()))
        if self._listening:
            await self._subscribe(key, held)
        return link

    async def close(self, key: str) -> None:
        """Leave the other edges of a room."""
        held = self._rooms.pop(key)
        held.tending.cancel()
        if held.subscription is not None and self._client.is_connected:
            await held.subscription.unsubscribe()

    async def listen(self) -> None:
        """Answer other edges, and take in their messages, once NATS is reached for the first time."""
        self._listening = True
        for key, held in self._rooms.items():
            await self._subscribe(key, held)
        await self._client.subscribe(ASKING, cb=self._asked)
        await self._client.subscribe(KEEPING, queue="edges", cb=self._kept)
        await self._client.subscribe(f"{ASKING}.{self._edge}", cb=self._asked)
        await self._client.subscribe(f"{ANSWERS}.{self._edge}.>", cb=self._answered)

    async def _subscribe(self, key: str, held: _Held) -> None:
        held.subscription = await self._client.subscribe(subject(key), cb=self._posted)

    async def reconnected(self) -> None:
        """Tell other edges what they have missed, once NATS is back."""
        log.info("nats is back")
        for held in self._rooms.values():
            held.link.reached()

    async def _posted(self, message: Msg) -> None:
        held = self._rooms.get(message.subject.rpartition(".")[2])
        post = read_post(message.data)
        if held is not None and post is not None and post.edge != self._edge:
            await held.link.take(post)

    async def _asked(self, message: Msg) -> None:
        asked = parsed(mesh.Ask, message.data)
        held = self._rooms.get(asked.room) if asked is not None else None
        edge = _asking(message.reply)
        if asked is not None and held is not None and edge and edge != self._edge:
            await held.link.answer(asked.from_seq, message.reply)

    async def _kept(self, message: Msg) -> None:
        """Keep a room whose record one edge alone has."""
        asked = parsed(mesh.Ask, message.data)
        if asked is not None and KEY.fullmatch(asked.room):
            await self._keeping.keep(asked.room)

    async def _answered(self, message: Msg) -> None:
        parts = message.subject.split(".")
        held = self._rooms.get(parts[3])
        if held is None:
            return
        if len(parts) == _PARTS_OF_SKIPS:  # ….skip.EDGE
            if (asked := parsed(mesh.Ask, message.data)) is not None:
                held.link.skipped(parts[5], asked.from_seq)
        elif (post := read_post(message.data)) is not None:
            await held.link.take(post)


def _asking(reply: str) -> str:
    """Return the edge that a subject for answers belongs to; empty where it is none."""
    parts = reply.split(".")
    ours = len(parts) == _PARTS_OF_ANSWERS and f"{parts[0]}.{parts[1]}" == ANSWERS
    return parts[2] if ours and all(NAME.fullmatch(each) or KEY.fullmatch(each) for each in parts[2:]) else ""


@asynccontextmanager
async def bus(settings: EdgeSettings, rooms: Keeping) -> AsyncIterator[NatsBus]:
    """Hold a connection to NATS for the block; where it cannot be reached it comes once it can."""
    client = Client()
    async with TaskGroup() as tasks:
        found = NatsBus(client, settings, tasks, rooms)
        connecting = tasks.create_task(_connect(client, settings, found))
        try:
            await asyncio.wait([connecting], timeout=_FIRST_SECONDS)
            yield found
        finally:
            connecting.cancel()
            await client.close()


async def _connect(client: Client, settings: EdgeSettings, found: NatsBus) -> None:
    async def failed(error: Exception) -> None:
        log.warning("nats cannot be reached", extra={"fields": {"error": type(error).__name__}})

    while True:
        try:
            await client.connect(
                settings.rooms_nats or "",
                error_cb=failed,
                reconnected_cb=found.reconnected,
                no_echo=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=_AGAIN_SECONDS,  # type: ignore[arg-type]  # it sleeps so long
                ping_interval=_PING_SECONDS,
                tls=_tls(settings),
                user_credentials=str(settings.rooms_nats_credentials) if settings.rooms_nats_credentials else None,
            )
        except (Error, OSError, TimeoutError) as error:
            await failed(error)
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            await found.listen()
            return


def _tls(settings: EdgeSettings) -> ssl.SSLContext | None:
    if settings.rooms_nats_ca is None:
        return None
    return ssl.create_default_context(cafile=str(settings.rooms_nats_ca))
