"""Members of rooms, over the edge's WebSocket, as tests drive them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from services.common.cancelling import TaskGroup
from tests.mesh.edge import Event, connect

ROOM = "/v1/rooms/hall"


@dataclass
class Guest:
    """A client in a room, and all that it got, in order."""

    socket: ClientConnection
    events: list[Event] = field(default_factory=list)
    audio: dict[str, bytes] = field(default_factory=dict)  # of voices, by speaker and language; of originals by speaker
    over: bool = False
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        told: Event = {}
        try:
            async for message in self.socket:
                if isinstance(message, bytes):
                    key = f"{told['speaker']}/{told['lang']}" if told["type"] == "voice" else told["speaker"]
                    self.audio[key] = self.audio.get(key, b"") + message
                else:
                    told = json.loads(message)
                    self.events.append(told)
                self.more.set()
        except websockets.ConnectionClosedError:
            pass  # its code is looked at
        self.over = True
        self.more.set()

    async def send(self, kind: str, **message: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **message}))

    async def say(self, text: str, **message: Any) -> None:
        await self.send("input_text", text=text, **message)

    def of(self, kind: str) -> list[Event]:
        return [each for each in self.events if each["type"] == kind]

    def finals(self, lang: str | None = None, speaker: str | None = None) -> list[str]:
        """The final captions, in the order they came."""
        return [
            each["text"]
            for each in self.of("segment")
            if each["final"] and lang in (None, each["lang"]) and speaker in (None, each["speaker"])
        ]

    def received(self) -> dict[str, int]:
        """What the guest would say that it has."""
        finals = [each for each in self.of("segment") if each["final"]]
        return {each["speaker"]: each["segment_id"] for each in finals}

    async def until(self, kind: str, count: int = 1, **fields: Any) -> Event:
        """The first so many events of a kind, with these fields; returns the last of them."""
        async with asyncio.timeout(60):
            while True:
                found = [each for each in self.of(kind) if fields.items() <= each.items()]
                if len(found) >= count:
                    return found[count - 1]
                await self._next()

    async def comes_to(self, kind: str, condition: Callable[[Event], bool]) -> None:
        """Wait until the newest event of a kind is as it is to be."""
        async with asyncio.timeout(15):
            while not condition(self.of(kind)[-1]):
                await self._next()

    async def has(self, count: int, lang: str | None = None) -> list[str]:
        """The finals, once there are so many."""
        async with asyncio.timeout(60):
            while len(self.finals(lang)) < count:
                await self._next()
        return self.finals(lang)

    async def _next(self) -> None:
        """Wait for another message."""
        if self.over:
            raise AssertionError(f"the connection was closed with {self.socket.close_code}: {self.events[-3:]}")
        self.more.clear()
        await self.more.wait()

    async def closed(self) -> int:
        async with asyncio.timeout(60):
            await self.socket.wait_closed()
        return self.socket.close_code or 0


@asynccontextmanager
async def guest(port: int, path: str = ROOM, token: str = "", **join: Any) -> AsyncIterator[Guest]:
    """Somebody who joins a room and is in it for the block."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with connect(port, path, additional_headers=headers) as socket, TaskGroup() as tasks:
        found = Guest(socket)
        reading = tasks.create_task(found.read())
        await found.send("join", **join)
        await found.until("caught_up")
        yield found
        reading.cancel()


@asynccontextmanager
async def speaker(port: int, lang: str = "en", **join: Any) -> AsyncIterator[Guest]:
    """Somebody who speaks in a room, with an open session."""
    async with guest(port, source_langs=[lang], captions=False, **join) as found:
        await found.until("ready")
        yield found
