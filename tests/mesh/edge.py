"""An edge in front of a scripted mesh, and clients of it as tests drive them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from services.common.server.lifecycle import running
from services.edge.servicer import EdgeServicer
from services.edge.settings import EdgeSettings
from tests.mesh.mesh import gateway_address

VERSION = "2026-05-01"
Event = dict[str, Any]


@asynccontextmanager
async def edge(gateway: str, **settings: Any) -> AsyncIterator[EdgeServicer]:
    """An edge of a gateway."""
    own = EdgeSettings(**{"gateway": gateway, "drain_seconds": 0, **settings})
    servicer = EdgeServicer(own)
    async with running(servicer, own.model_copy(update={"listen": own.operations})):
        yield servicer


@asynccontextmanager
async def edge_port(edge_settings: dict[str, Any] | None = None, **mesh: Any) -> AsyncIterator[int]:
    """The port of an edge before a mesh that is given as in `gateway_address`."""
    async with gateway_address(**mesh) as address, edge(address, **(edge_settings or {})) as servicer:
        yield servicer.port


def connect(port: int, path: str = "/v1/realtime", **options: Any) -> websockets.connect:
    return websockets.connect(f"ws://127.0.0.1:{port}{path}", **{"max_size": None, "open_timeout": 60, **options})


def hello(*targets: str, **session: Any) -> Event:
    where: Event = {"target_lang": targets[0]} if len(targets) == 1 else {"targets": [{"lang": to} for to in targets]}
    return {
        "type": "hello",
        "version": VERSION,
        "session": {"source_lang": "en", **(where if targets else {}), **session},
    }


def spoken(pcm: bytes, size: int = 3200, rate: int = 16_000, **message: Any) -> list[Event]:
    """Audio as messages of JSON."""
    pieces = [pcm[start : start + size] for start in range(0, len(pcm), size)]
    told = {"type": "input_audio", "format": "pcm16le", "sample_rate": rate, **message}
    return [{**told, "data": base64.b64encode(piece).decode()} for piece in pieces]


def typed(text: str, **message: Any) -> Event:
    return {"type": "input_text", "text": text, **message}


def control(action: str, **message: Any) -> Event:
    return {"type": "control", "action": action, **message}


@dataclass
class Got:
    """All that a client got, in order, and the code that the connection was closed with."""

    events: list[Event] = field(default_factory=list)
    code: int | None = None

    def of(self, kind: str) -> list[Event]:
        return [each for each in self.events if each["type"] == kind]

    def finals(self, lang: str) -> list[str]:
        return [each["text"] for each in self.of("final_translation") if each["target_lang"] == lang]

    def error(self) -> Event:
        (error,) = [each for each in self.of("error") if each["fatal"]]
        return error

    def speech(self, lang: str) -> bytes:
        return b"".join(base64.b64decode(each["data"]) for each in self.of("tts_audio") if each["target_lang"] == lang)


async def say(socket: ClientConnection, *messages: Event | bytes) -> None:
    for message in messages:
        await socket.send(message if isinstance(message, bytes) else json.dumps(message))


async def until(socket: ClientConnection, kind: str, got: Got | None = None) -> Event:
    """The next event of a kind; what comes before it is kept in `got`."""
    async for message in socket:
        event: Event = json.loads(message)
        if got:
            got.events.append(event)
        if event["type"] == kind:
            return event
    raise AssertionError(f"no {kind} came: {got.events[-3:] if got else ''}")


async def heard(socket: ClientConnection, got: Got | None = None) -> Got:
    """All there is until the connection is closed."""
    got = got or Got()
    try:
        async for message in socket:
            got.events.append(
                {"type": "binary", "data": message} if isinstance(message, bytes) else json.loads(message)
            )
    except websockets.ConnectionClosedError:
        pass  # its code is looked at
    got.code = socket.close_code
    return got


async def talk(port: int, *messages: Event | bytes, path: str = "/v1/realtime", **options: Any) -> Got:
    """Send messages as fast as they are taken, and hear all there is."""
    async with connect(port, path, **options) as socket:
        with suppress(websockets.ConnectionClosed):  # what was heard says why
            await say(socket, *messages)
        return await heard(socket)


def texts(events: Sequence[Event]) -> list[str]:
    return [each["text"] for each in events]
