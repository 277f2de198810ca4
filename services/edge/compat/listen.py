"""`/v1/listen`: the WebSocket of Deepgram's clients, for captions of what is spoken."""

from __future__ import annotations

from starlette.websockets import WebSocket

from services.common.errors import MeshError
from services.edge.compat.deepgram import KNOWN, DeepgramDialect, listening
from services.edge.doors.entrance import Doors, refuse
from services.edge.doors.tokens import Spoken
from services.edge.faults import Fault, as_fault
from services.edge.realtime.door import SocketDoor
from services.edge.realtime.registry import Registry

PATH = "/v1/listen"
SPOKEN = Spoken("token", "", encoded=False, schemes=("token", "bearer"))


class Listen:
    """Serves Deepgram's protocol."""

    def __init__(self, doors: Doors, registry: Registry) -> None:
        self._door = SocketDoor(doors, registry, PATH, SPOKEN)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection; what its address asks for and is not had is refused before the upgrade."""
        try:
            dialect = DeepgramDialect(listening(socket.query_params))
        except MeshError as error:
            await refuse(socket, as_fault(error), PATH)
            return

        def told(fault: Fault) -> object:
            return dialect.refusal(fault, True)

        config = dialect.asked.config
        names = (*KNOWN, *socket.query_params)
        await self._door.serve(socket, names, lambda by: self._door.converse(socket, by, config, dialect), told)
