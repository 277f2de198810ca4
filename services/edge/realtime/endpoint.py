"""`/v1/realtime`: the WebSocket of sessions, from its door to its close."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import grpc
from starlette.websockets import WebSocket, WebSocketDisconnect

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.cancelling import end_call, heed_cancellation
from services.common.errors import InvalidArgument, MeshError
from services.common.telemetry.tracing import tracer
from services.edge import measures
from services.edge.doors.entrance import Doors
from services.edge.faults import Fault, as_fault, fault_of_call
from services.edge.realtime.closing import close_code
from services.edge.realtime.conversation import Conversation
from services.edge.realtime.hello import Asked, asked
from services.edge.realtime.inputs import parsed
from services.edge.realtime.lines import SocketLine
from services.edge.realtime.own import OwnDialect
from services.edge.realtime.registry import Registry
from services.edge.upstream import Call, Caller

PATH = "/v1/realtime"
PARAMETERS = ("target_lang",)
MALFORMED = 1007  # RFC 6455, 7.4.1: data that is not what its message says


@dataclass(frozen=True, slots=True)
class Realtime:
    """Serves the WebSocket of sessions."""

    doors: Doors
    registry: Registry

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection."""
        async with self.doors.admitted(socket, PATH, PARAMETERS, self.registry.require_open) as caller:
            if caller is None:
                return
            with measures.connection(PATH), tracer.start_as_current_span("edge.session"):
                measures.ended(PATH, await self._held(socket, caller))

    async def _held(self, socket: WebSocket, caller: Caller) -> int:
        """Hold a session; return the code that the connection was closed with."""
        try:
            wanted = await self._hello(socket, caller)
            code = await self._conversed(socket, caller, wanted)
        except (MeshError, Fault) as refusal:
            fault = as_fault(refusal)
            await say(socket, fault.event())
            code = close_code(fault.status)
        except WebSocketDisconnect:
            return 0
        if code:
            await close(socket, code)
        return code

    async def _conversed(self, socket: WebSocket, caller: Caller, wanted: Asked) -> int:
        call = await opened(self.doors.gateway.stream(caller), wanted.config)
        conversation = Conversation(SocketLine(socket), call, OwnDialect(wanted), self.doors.settings)
        with self.registry.entered(conversation):
            return await conversation.run()

    async def _hello(self, socket: WebSocket, caller: Caller) -> Asked:
        """Wait for the hello, and read it. Raises Fault or InvalidArgument."""
        settings = self.doors.settings
        try:
            async with asyncio.timeout(settings.hello_ms / 1000):
                message = await socket.receive()
        except TimeoutError:
            raise Fault(504, "HELLO_TIMEOUT", f"No hello came within {settings.hello_ms} ms.", "hello") from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        first = parsed(message["text"]) if message.get("text") is not None else {}
        if first.get("type") != "hello":
            raise InvalidArgument("HELLO_MISSING", "The first message is a hello.", "type", ["hello"])
        described = await self.doors.gateway.describe(caller)
        return asked(first, socket.query_params.get("target_lang", ""), described)


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
    except WebSocketDisconnect:
        return


async def close(socket: WebSocket, code: int) -> None:
    """Close a connection, if the client has not done so."""
    try:
        await socket.close(code)
    except (WebSocketDisconnect, RuntimeError):
        return
