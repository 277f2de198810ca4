"""Rooms over gRPC: `rooms.v1.RoomsService`, with the messages that the WebSocket has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import grpc

from rooms.v1 import rooms_pb2 as pb
from rooms.v1 import rooms_pb2_grpc as pb_grpc
from services.common.cancelling import TaskGroup
from services.common.errors import InvalidArgument, MeshError
from services.common.grpc_options import CHANNEL
from services.edge import measures
from services.edge.doors.entrance import OURS, Doors
from services.edge.doors.limits import Clients
from services.edge.doors.tokens import token_of
from services.edge.faults import Fault, as_fault
from services.edge.realtime.registry import Registry
from services.edge.rooms.holding import Present
from services.edge.rooms.inputs import carry_out, entry, read, room_name
from services.edge.rooms.member import Member
from services.edge.rooms.rooms import Rooms
from services.edge.rooms.values import Entry, sent
from services.edge.settings import EdgeSettings
from services.edge.upstream import Caller

PATH = "rooms.v1.RoomsService/Join"
_LAST_WORDS_SECONDS = 1.0
_STATUSES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    402: grpc.StatusCode.RESOURCE_EXHAUSTED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}


@dataclass(frozen=True, slots=True)
class RoomCalls:
    """Serves rooms to clients of gRPC."""

    doors: Doors
    viewers: Clients
    registry: Registry
    rooms: Rooms

    async def Join(self, requests: Any, context: Any) -> None:
        """Hold a member for as long as the call lasts."""
        try:
            with measures.connection(PATH):
                fault = await self._held(context)
        except (MeshError, Fault) as refusal:
            fault = as_fault(refusal)
        if fault is not None:
            await context.write(pb.JoinResponse(message=sent(fault.event()).text))
            code = _STATUSES.get(fault.status, grpc.StatusCode.INTERNAL)
            await context.abort(code, f"{fault.code}: {fault.message}")

    async def _held(self, context: Any) -> Fault | None:
        self.registry.require_open()
        caller = self._caller(context)
        await self.doors.gateway.describe(caller)
        asked = _asked(await context.read())
        speaks = self.doors.clients.connected(caller.name) if asked.speech else nullcontext()
        with self.viewers.connected(caller.name), speaks:
            async with self.rooms.joined(asked, caller) as member:
                with self.registry.entered(Present(member)):
                    return await _conversed(context, member)

    def _caller(self, context: Any) -> Caller:
        given = context.invocation_metadata()
        shown = [value for name, value in given if name == "authorization" and isinstance(value, str)]
        token = token_of(shown, (), OURS)
        return Caller(token, f"peer {context.peer().rpartition(':')[0]}")


def _asked(first: object) -> Entry:
    """Read the first request. Raises InvalidArgument."""
    if not isinstance(first, pb.JoinRequest) or not first.message:
        raise InvalidArgument("JOIN_MISSING", "The first request holds a join.", "message", ["join"])
    message = read(first.message)
    if message["type"] != "join":
        raise InvalidArgument("JOIN_MISSING", "The first request holds a join.", "type", ["join"])
    return entry(message, room_name(first.room))


async def _conversed(context: Any, member: Member) -> Fault | None:
    """Send a member's messages, and carry out its client's, to the end; return why it has to go."""
    async with TaskGroup() as tasks:
        reading = tasks.create_task(_read(context, member))
        while (message := await member.waiting.take()) is not None:
            await context.write(pb.JoinResponse(message=message.text, audio=message.audio))
        reading.cancel()
    return member.waiting.fault


async def _read(context: Any, member: Member) -> None:
    """Carry out the client's requests; a half-close is a leave."""
    while isinstance(request := await context.read(), pb.JoinRequest):
        try:
            if request.message:
                await carry_out(member, read(request.message))
            else:
                await member.hear(request.audio)
        except (MeshError, Fault) as error:
            member.put(sent({**as_fault(error).event(), "fatal": False}))
    member.leave()


@asynccontextmanager
async def rooms_served(calls: RoomCalls, settings: EdgeSettings) -> AsyncIterator[int]:
    """Serve rooms over gRPC for the block, and yield the port; 0 where no address is set for it."""
    if settings.rooms_listen is None:
        yield 0
        return
    server = grpc.aio.server(options=CHANNEL)
    pb_grpc.add_RoomsServiceServicer_to_server(calls, server)  # type: ignore[arg-type]  # it has the method
    if settings.tls_certificate and settings.tls_key:
        pair = (settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes())
        port = server.add_secure_port(settings.rooms_listen, grpc.ssl_server_credentials([pair]))
    else:
        port = server.add_insecure_port(settings.rooms_listen)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(_LAST_WORDS_SECONDS)
