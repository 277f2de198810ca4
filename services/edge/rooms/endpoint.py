"""`/v1/rooms/{room}`: the WebSocket of rooms, from its door to its close."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, replace

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.common.errors import InvalidArgument, MeshError
from services.edge.doors.entrance import Doors
from services.edge.doors.limits import Clients
from services.edge.faults import Fault, as_fault
from services.edge.realtime.closing import close_code
from services.edge.realtime.door import SocketDoor, say
from services.edge.realtime.lines import CLOSED
from services.edge.realtime.registry import Registry
from services.edge.rooms.holding import Present, held
from services.edge.rooms.inputs import carry_out, entry, read, room_name
from services.edge.rooms.member import Member
from services.edge.rooms.rooms import Rooms
from services.edge.rooms.values import Entry, sent
from services.edge.upstream import Caller

PATH = "/v1/rooms/{room}"


class RoomsEndpoint:
    """Serves the WebSocket of rooms. Members are counted as viewers are, and whoever speaks holds a slot as well."""

    def __init__(self, doors: Doors, viewers: Clients, registry: Registry, rooms: Rooms) -> None:
        self._door = SocketDoor(replace(doors, clients=viewers), registry, PATH)
        self._speakers = doors.clients
        self._rooms = rooms

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection."""
        await self._door.serve(socket, (), lambda caller: self._held(socket, caller), Fault.event)

    async def _held(self, socket: WebSocket, caller: Caller) -> int:
        """Hold a member; return the code to close the connection with."""
        asked = await self._join(socket)
        stall_ms = self._door.doors.settings.client_stall_ms
        with self._speakers.connected(caller.name) if asked.speech else nullcontext():
            async with self._rooms.joined(asked, caller) as member:
                return await _Connection(socket, member, stall_ms).run(self._door.registry)

    async def _join(self, socket: WebSocket) -> Entry:
        """Wait for the `join`, and read it. Raises Fault or InvalidArgument."""
        hello_ms = self._door.doors.settings.hello_ms
        room = room_name(socket.path_params["room"])
        try:
            async with asyncio.timeout(hello_ms / 1000):
                message = await socket.receive()
        except TimeoutError:
            raise Fault(504, "HELLO_TIMEOUT", f"No join came within {hello_ms} ms.", "join") from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        first = read(message["text"]) if message.get("text") is not None else {}
        if first.get("type") != "join":
            raise InvalidArgument("JOIN_MISSING", "The first message is a join.", "type", ["join"])
        return entry(first, room)


@dataclass(slots=True, eq=False)
class _Connection:
    """A member's WebSocket."""

    socket: WebSocket
    member: Member
    stall_ms: int

    async def run(self, registry: Registry) -> int:
        """Hold the connection to its end; return the code to close it with, 0 where the client left."""
        try:
            with registry.entered(Present(self.member)):
                fault = await held(self._read(), self._send(), _Left)
        except _Left:
            return 0
        if fault is not None:
            await say(self.socket, fault.event())
        return close_code(fault.status if fault else 0)

    async def _read(self) -> None:
        """Carry out the client's messages; one that cannot be taken is answered, and the member stays."""
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                raise _Left
            try:
                await self._take(message)
            except (MeshError, Fault) as error:
                self.member.put(sent({**as_fault(error).event(), "fatal": False}))

    async def _take(self, message: object) -> None:
        assert isinstance(message, dict)
        if message.get("text") is None:
            await self.member.hear(message.get("bytes") or b"")
            return
        await carry_out(self.member, read(message["text"]))

    async def _send(self) -> None:
        """Send the member's messages. Raises _Left where the client is gone, or reads nothing, and Fault."""
        try:
            async for message in self.member.messages():
                async with asyncio.timeout(self.stall_ms / 1000):
                    await self.socket.send_text(message.text)
                    if message.audio:
                        await self.socket.send_bytes(message.audio)
        except (*CLOSED, TimeoutError):
            raise _Left from None


class _Left(Exception):
    """The client is gone."""
