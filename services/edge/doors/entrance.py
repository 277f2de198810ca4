"""The door of every endpoint: who calls, from which page, with which token, and whether there is room."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from services.common.errors import MeshError
from services.edge import measures
from services.edge.doors.limits import Clients
from services.edge.doors.origins import may_call
from services.edge.doors.tokens import Spoken, echoed, require_parameters, token_of
from services.edge.faults import Fault, as_fault
from services.edge.settings import EdgeSettings
from services.edge.upstream import Caller, Gateway

PROBLEM = "application/problem+json"
OURS = Spoken()


@dataclass(frozen=True, slots=True)
class Doors:
    """What all endpoints are entered by."""

    settings: EdgeSettings
    clients: Clients
    gateway: Gateway

    def caller(self, connection: HTTPConnection, spoken: Spoken = OURS, protocols: Sequence[str] = ()) -> Caller:
        """Return who calls. Raises Fault for a page that may not, and a token that cannot be read."""
        visitor = self.visitor(connection, spoken, protocols)
        return replace(visitor, name=f"token {_digest(visitor.token)}") if visitor.token else visitor

    def visitor(self, connection: HTTPConnection, spoken: Spoken = OURS, protocols: Sequence[str] = ()) -> Caller:
        """Return who calls, told apart by its address alone, whatever it shows. Raises Fault as `caller` does."""
        headers = connection.headers
        if not may_call(headers.get("origin"), headers.get("host"), self.settings.origins):
            message = "Pages of this origin may not call: EDGE_ORIGINS lists those that may."
            raise Fault(403, "ORIGIN_REFUSED", message, "origin")
        if "content-length" in headers and "transfer-encoding" in headers:
            message = "It says how long it is and that it comes in chunks: a proxy may read it otherwise."
            raise Fault(400, "LENGTH_AMBIGUOUS", message, "content-length", ("one of the two",))
        token = token_of(headers.getlist("authorization"), protocols, spoken)
        return Caller(token, f"client {self._address(connection)}")

    @asynccontextmanager
    async def admitted(
        self,
        socket: WebSocket,
        endpoint: str,
        parameters: Sequence[str],
        require_open: Callable[[], None],
        spoken: Spoken = OURS,
    ) -> AsyncIterator[Caller | None]:
        """Accept a WebSocket for the block and yield its client; None where it was refused, before the upgrade."""
        protocols = [each for each in socket.scope.get("subprotocols", ()) if each]
        with ExitStack() as held:
            try:
                require_open()
                require_parameters(socket.query_params, parameters)
                caller = self.caller(socket, spoken, protocols)
                marker = echoed(protocols, spoken)
                await self.gateway.describe(caller)
                held.enter_context(self.clients.connected(caller.name))
            except (MeshError, Fault) as refusal:
                await refuse(socket, as_fault(refusal), endpoint)
                yield None
                return
            await socket.accept(subprotocol=marker)
            yield caller

    def _address(self, connection: HTTPConnection) -> str:
        if self.settings.forwarded and (named := connection.headers.get("x-forwarded-for")):
            return named.rpartition(",")[2].strip()
        return connection.client.host if connection.client else ""


async def refuse(socket: WebSocket, fault: Fault, endpoint: str) -> None:
    """Answer a WebSocket's handshake with an HTTP status instead of the upgrade."""
    measures.refused(endpoint, fault.code)
    await socket.send_denial_response(problem(fault))


def problem(fault: Fault) -> Response:
    """Return the HTTP answer for a fault, as problem details."""
    return JSONResponse(fault.problem(), fault.status, fault.headers(), PROBLEM)


def _digest(token: str) -> str:
    return hashlib.blake2b(token.encode(), digest_size=16).hexdigest()
