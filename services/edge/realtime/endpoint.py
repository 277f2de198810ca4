"""`/v1/realtime`: the WebSocket of sessions in the edge's own protocol."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.common.errors import InvalidArgument
from services.edge.doors.entrance import Doors
from services.edge.faults import Fault
from services.edge.realtime.door import SocketDoor
from services.edge.realtime.hello import VIEWING, Asked, asked
from services.edge.realtime.inputs import parsed
from services.edge.realtime.own import OwnDialect
from services.edge.realtime.registry import Registry
from services.edge.upstream import Caller
from services.edge.viewing.galleries import Galleries

PATH = "/v1/realtime"
PARAMETERS = ("target_lang",)


class Realtime:
    """Serves the WebSocket of sessions."""

    def __init__(self, doors: Doors, registry: Registry, galleries: Galleries) -> None:
        self._door = SocketDoor(doors, registry, PATH)
        self._galleries = galleries

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection."""
        await self._door.serve(socket, PARAMETERS, lambda caller: self._conversed(socket, caller), Fault.event)

    async def _conversed(self, socket: WebSocket, caller: Caller) -> int:
        wanted = await self._hello(socket, caller)
        with self._galleries.showing() as showing:
            dialect = OwnDialect(wanted, showing if wanted.wants(VIEWING) else None)
            return await self._door.converse(socket, caller, wanted.config, dialect)

    async def _hello(self, socket: WebSocket, caller: Caller) -> Asked:
        """Wait for the hello, and read it. Raises Fault or InvalidArgument."""
        doors = self._door.doors
        milliseconds = doors.settings.hello_ms
        try:
            async with asyncio.timeout(milliseconds / 1000):
                message = await socket.receive()
        except TimeoutError:
            raise Fault(504, "HELLO_TIMEOUT", f"No hello came within {milliseconds} ms.", "hello") from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        first = parsed(message["text"]) if message.get("text") is not None else {}
        if first.get("type") != "hello":
            raise InvalidArgument("HELLO_MISSING", "The first message is a hello.", "type", ["hello"])
        described = await doors.gateway.describe(caller)
        return asked(first, socket.query_params.get("target_lang", ""), described)
