"""What a conversation reads its client's messages from, and sends its events to: a WebSocket, for one."""

from __future__ import annotations

import json
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.edge.realtime.dialect import Received
from services.edge.realtime.outputs import Event, Out, with_audio

# What sending raises where the client has left, or uvicorn has closed the connection for a message that is none.
CLOSED = (WebSocketDisconnect, RuntimeError)


class Gone(Exception):
    """The client is gone."""


class Line(Protocol):
    """One client's connection."""

    async def receive(self) -> Received:
        """Return the client's next message. Raises Gone where the client is gone."""

    async def send(self, out: Out) -> None:
        """Send an event, and the speech that belongs to it. Raises Gone where the client is gone."""


class SocketLine:
    """A client at a WebSocket that was accepted."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> Received:
        """Return the client's next message. Raises Gone where the client is gone."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise Gone
        return message

    async def send(self, out: Out) -> None:
        """Send an event as text, and binary speech in a message of its own. Raises Gone where the client is gone."""
        try:
            await self._socket.send_text(written(with_audio(out) if out.voice else out.event))
            if out.binary:
                await self._socket.send_bytes(out.audio)
        except CLOSED:
            raise Gone from None


def written(event: Event) -> str:
    """Return an event as the JSON that is sent."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))
