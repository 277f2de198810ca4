"""The WebSocket of one protocol, the same for all: entered by the doors, held to its end, closed by its code."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import grpc
from starlette.websockets import WebSocket, WebSocketDisconnect

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.cancelling import end_call, heed_cancellation
from services.common.errors import MeshError
from services.common.telemetry.tracing import tracer
from services.edge import measures
from services.edge.doors.entrance import OURS, Doors
from services.edge.doors.tokens import Spoken
from services.edge.faults import Fault, as_fault, fault_of_call
from services.edge.realtime.closing import close_code
from services.edge.realtime.conversation import Conversation
from services.edge.realtime.dialect import Dialect
from services.edge.realtime.lines import CLOSED, Gone, SocketLine
from services.edge.realtime.registry import Registry
from services.edge.upstream import Call, Caller

Hold: TypeAlias = Callable[[Caller], Awaitable[int]]  # returns the code to close with; 0 where the client has left
Told: TypeAlias = Callable[[Fault], object]  # the event of a fault that ends a connection


@dataclass(frozen=True, slots=True)
class SocketDoor:
    """Where the clients of one protocol connect."""

    doors: Doors
    registry: Registry
    path: str
    spoken: Spoken = OURS

    async def serve(self, socket: WebSocket, parameters: Sequence[str], hold: Hold, told: Told) -> None:
        """Serve one connection: enter it, have its session held, and close it."""
        enter = self.doors.admitted(socket, self.path, parameters, self.registry.require_open, self.spoken)
        async with enter as caller:
            if caller is None:
                return
            with measures.connection(self.path), tracer.start_as_current_span("edge.session"):
                measures.ended(self.path, await _held(socket, hold(caller), told))

    async def converse(self, socket: WebSocket, caller: Caller, config: pb.SessionConfig, dialect: Dialect) -> int:
        """Hold a session to its end; return the code to close with. Raises Fault where the gateway refuses its call."""
        call = await opened(self.doors.gateway.stream(caller), config)
        conversation = Conversation(SocketLine(socket), call, dialect, self.doors.settings)
        with self.registry.entered(conversation):
            return await conversation.run()


async def _held(socket: WebSocket, session: Awaitable[int], told: Told) -> int:
    """Wait for a session's end, and close the connection; return the code, 0 where the client has left."""
    try:
        code = await session
    except (MeshError, Fault) as refusal:
        fault = as_fault(refusal)
        await say(socket, told(fault))
        code = close_code(fault.status)
    except (WebSocketDisconnect, Gone):
        return 0
    if code:
        await _close(socket, code)
    return code


async def opened(call: Call, config: pb.SessionConfig) -> Call:
    """Send the hello of a call that has begun, and return the call. Raises Fault where it has ended meanwhile."""
    try:
        await call.write(pb.ClientMessage(hello=config))
    except grpc.aio.AioRpcError as error:
        heed_cancellation()
        raise fault_of_call(error) from None
    except BaseException:
        end_call(call)
        raise
    return call


async def say(socket: WebSocket, event: object) -> None:
    """Send an event, if the client is still there."""
    try:
        await socket.send_text(json.dumps(event, ensure_ascii=False))
    except CLOSED:
        return


async def _close(socket: WebSocket, code: int) -> None:
    """Close a connection, if the client has not done so."""
    try:
        await socket.close(code)
    except CLOSED:
        return
