"""`/v1/listen`: the WebSocket of Deepgram's clients, for captions of what is spoken."""

from __future__ import annotations

from starlette.websockets import WebSocket

from services.common.errors import MeshError
from services.common.telemetry.tracing import tracer
from services.edge import measures
from services.edge.compat.deepgram import KNOWN, DeepgramDialect, listening
from services.edge.doors.entrance import Doors, refuse
from services.edge.doors.tokens import Spoken
from services.edge.faults import Fault, as_fault
from services.edge.realtime.closing import close_code
from services.edge.realtime.conversation import Conversation
from services.edge.realtime.endpoint import close, opened, say
from services.edge.realtime.lines import SocketLine
from services.edge.realtime.registry import Registry
from services.edge.upstream import Caller

PATH = "/v1/listen"
SPOKEN = Spoken("token", "", encoded=False, schemes=("token", "bearer"))


class Listen:
    """Serves Deepgram's protocol."""

    def __init__(self, doors: Doors, registry: Registry) -> None:
        self._doors = doors
        self._registry = registry

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection; what its address asks for and is not had is refused before the upgrade."""
        try:
            dialect = DeepgramDialect(listening(socket.query_params))
        except MeshError as error:
            await refuse(socket, as_fault(error), PATH)
            return
        names = (*KNOWN, *socket.query_params)
        async with self._doors.admitted(socket, PATH, names, self._registry.require_open, SPOKEN) as caller:
            if caller is None:
                return
            with measures.connection(PATH), tracer.start_as_current_span("edge.session"):
                measures.ended(PATH, await self._held(socket, caller, dialect))

    async def _held(self, socket: WebSocket, caller: Caller, dialect: DeepgramDialect) -> int:
        try:
            call = await opened(self._doors.gateway.stream(caller), dialect.asked.config)
            conversation = Conversation(SocketLine(socket), call, dialect, self._doors.settings)
            with self._registry.entered(conversation):
                code = await conversation.run()
        except (MeshError, Fault) as refusal:
            fault = as_fault(refusal)
            await say(socket, dialect.refusal(fault, True))
            code = close_code(fault.status)
        if code:
            await close(socket, code)
        return code
