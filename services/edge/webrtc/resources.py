"""Connections as resources of HTTP, as WHIP and WHEP have them (RFC 9725): made by an offer, changed, deleted.

This module is imported wherever there is an edge, whether or not aiortc is installed.
"""

from __future__ import annotations

import importlib.util
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.common.errors import InvalidArgument
from services.common.server.slots import Slots
from services.edge.doors.entrance import Doors
from services.edge.doors.limits import Clients
from services.edge.doors.tokens import require_parameters
from services.edge.faults import Fault
from services.edge.realtime.registry import Registry
from services.edge.rest import body
from services.edge.rooms.inputs import room_name
from services.edge.upstream import Caller
from services.edge.webrtc.fragments import MOST_BYTES, fragment
from services.edge.webrtc.requests import FRAGMENT, SDP, kind_of
from services.edge.webrtc.servers import Server, servers

if TYPE_CHECKING:
    from services.edge.webrtc.fragments import Offer
    from services.edge.webrtc.line import PeerLine
    from services.edge.webrtc.peer import Peer

_LIBRARY = "aiortc"


@dataclass(frozen=True, slots=True)
class Resource:
    """One connection, and whose it is."""

    id: str
    owner: str  # the name of its client
    peer: Peer

    @property
    def etag(self) -> str:
        """The tag of the connection's way: another one from each ICE restart on."""
        return f'"{self.peer.path.ice.ufrag}"'

    def headers(self, path: str) -> dict[str, str]:
        """Return the headers of the answer that made the connection at a path."""
        return {"Location": f"{path}/{self.id}", "ETag": self.etag, "Accept-Patch": FRAGMENT}


class Resources:
    """The connections of a process, of all endpoints, and how many there may be."""

    def __init__(self, doors: Doors, registry: Registry) -> None:
        settings = doors.settings
        self.doors = doors
        self.registry = registry
        self._peers = Clients(settings, Slots(settings.peers, stage=""), settings.client_peers)
        self._open: dict[str, Resource] = {}

    def caller(self, request: Request, parameters: tuple[str, ...]) -> Caller:
        """Return who asks for a connection. Raises Fault where none is made for this request."""
        require_library()
        self.registry.require_open()
        require_parameters(request.query_params, parameters)
        caller = self.doors.caller(request)
        self.doors.clients.requested(caller.name)
        return caller

    @contextmanager
    def counted(self, caller: Caller, session: bool = True) -> Iterator[None]:
        """Hold a slot for a connection for the block, and one for its session. Raises Fault, or AtCapacity."""
        slot = self.doors.clients.connected(caller.name) if session else nullcontext()
        with slot, self._peers.connected(caller.name):
            yield

    def new_peer(self, offer: Offer, line: PeerLine, original: bool = False) -> Peer:
        """Return the connection for an offer, which is not answered yet."""
        from services.edge.webrtc.peer import Peer, ways  # noqa: PLC0415  # aiortc is an extra, and heavy

        settings = self.doors.settings
        return Peer(offer, ways(settings, self.servers() if settings.ice_own else ()), line, original)

    @contextmanager
    def entered(self, caller: Caller, peer: Peer) -> Iterator[Resource]:
        """Make a connection's resource for the block."""
        resource = Resource(secrets.token_urlsafe(18), caller.name, peer)
        self._open[resource.id] = resource
        try:
            yield resource
        finally:
            del self._open[resource.id]

    async def describe(self, request: Request) -> Response:
        """Answer which servers a client may use to be reached; they stand in the headers, too."""
        if "room" in request.path_params:
            room_name(request.path_params["room"])
        caller = self.doors.caller(request)
        self.doors.clients.requested(caller.name)
        await self.doors.gateway.describe(caller)
        found = self.servers()
        answer = JSONResponse({"iceServers": [each.told() for each in found]}, headers={"Accept-Post": SDP})
        add_links(answer, found)
        return answer

    def servers(self) -> tuple[Server, ...]:
        """Return the servers that a client may use, with credentials that last as long as is set."""
        settings = self.doors.settings
        until = int(time.time()) + settings.turn_seconds
        secret = settings.turn_secret.get_secret_value() if settings.turn_secret else ""
        return servers(settings.ice_servers, secret, until, secrets.token_hex(4))

    async def change(self, request: Request) -> Response:
        """Take a client's later candidates, or its ICE restart, which is answered with ours; or end a connection."""
        resource = self._found(request)
        if request.method == "DELETE":
            resource.peer.leave()
            return Response(status_code=200)
        kind_of(request, (FRAGMENT,))
        told = fragment((await body.raw(request, MOST_BYTES)).decode("utf-8", "replace"))
        match = request.headers.get("if-match", "")
        restarts = bool(told.ufrag) and told.ufrag != resource.peer.path.remote_ufrag
        if restarts and not told.password:
            raise InvalidArgument("UNREADABLE_SDP", "A restart has a name and a password.", "sdp", ["a=ice-pwd:"])
        if not match:
            raise Fault(428, "IF_MATCH_MISSING", "Name the ETag of the answer.", "if-match", ("an ETag", '"*"'))
        if match != resource.etag and not (restarts and match.strip('"') == "*"):
            raise Fault(412, "ETAG_CHANGED", "The connection has another ETag by now.", "if-match", (resource.etag,))
        if not restarts:
            await resource.peer.path.hear(told)
            return Response(status_code=204)
        seconds = self.doors.settings.peer_connect_ms / 1000
        return Response(await resource.peer.restart(told, seconds), 200, {"ETag": resource.etag}, FRAGMENT)

    def _found(self, request: Request) -> Resource:
        """Return the connection that a request names. Raises Fault for one that is not there, or of another client."""
        caller = self.doors.caller(request)
        self.doors.clients.requested(caller.name)
        resource = self._open.get(str(request.path_params["id"]))
        if resource is None or resource.owner != caller.name:
            raise Fault(404, "NOT_FOUND", "There is no such connection.", "path")
        return resource


def require_library() -> None:
    """Require that this installation has WebRTC. Raises Fault."""
    if importlib.util.find_spec(_LIBRARY) is None:
        message = "This server was installed without WebRTC: its extra babelmesh-server[webrtc] brings it."
        raise Fault(501, "WEBRTC_NOT_INSTALLED", message, "path", ("/v1/realtime",))


def add_links(answer: Response, found: tuple[Server, ...]) -> None:
    """Name servers in an answer's headers."""
    for each in found:
        answer.headers.append("Link", each.link())
