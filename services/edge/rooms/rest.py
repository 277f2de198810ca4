"""Rooms over HTTP: what they are like, what was said in them, and their link as a QR code."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass

import segno
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.common.errors import InvalidArgument, quoted
from services.common.text import languages
from services.edge import measures
from services.edge.doors.entrance import Doors
from services.edge.doors.tokens import require_parameters
from services.edge.faults import Fault
from services.edge.rooms.access import granted
from services.edge.rooms.inputs import room_name
from services.edge.rooms.room import Room
from services.edge.rooms.rooms import Rooms
from services.edge.rooms.speaker import offered
from services.edge.rooms.transcripts import FORMS, JSON, as_spoken, said, written
from services.edge.rooms.values import LISTENER

STATE, TRANSCRIPT, QR = "/v1/rooms/{room}", "/v1/rooms/{room}/transcript", "/v1/rooms/{room}/qr"
_LEARNING_SECONDS = 0.5  # in which other edges tell what they know of a room that is not open here


@dataclass(frozen=True, slots=True)
class RoomsOverHttp:
    """Answers questions about rooms."""

    doors: Doors
    rooms: Rooms

    async def state(self, request: Request) -> Response:
        """Answer who is in a room, what is wanted, and for how long it was translated."""
        room, _ = await self._found(request, ())
        measures.answered(STATE)
        return JSONResponse({name: value for name, value in room.state().items() if name != "type"})

    async def transcript(self, request: Request) -> Response:
        """Answer what was said in a room, in one language or as it was spoken."""
        room, langs = await self._found(request, ("format", "lang", "speaker"))
        form = request.query_params.get("format", JSON)
        if form not in FORMS:
            raise InvalidArgument("UNKNOWN_VALUE", f"There is no {quoted(form)} here.", "format", list(FORMS))
        lang = as_spoken(request.query_params.get("lang", "spoken"))
        lang = languages.require(lang, langs, "lang") if lang else lang
        lines = said(room.records.values(), lang, request.query_params.get("speaker", ""))
        measures.answered(TRANSCRIPT)
        text = written(lines, form, request.path_params["room"])
        return Response(text, media_type=f"{FORMS[form]}; charset=utf-8", headers={"Cache-Control": "no-store"})

    async def qr(self, request: Request) -> Response:
        """Answer the link of a room's page as a QR code."""
        require_parameters(request.query_params, ())
        self.doors.clients.requested(self.doors.caller(request).name)
        name = room_name(request.path_params["room"])
        secure = self.doors.settings.forwarded and request.headers.get("x-forwarded-proto") == "https"
        link = f"{'https' if secure else request.url.scheme}://{request.url.netloc}/room#{name}"
        drawn = io.BytesIO()
        segno.make(link, error="m").save(drawn, kind="svg", scale=8, border=2, light="white")
        measures.answered(QR)
        return Response(drawn.getvalue(), media_type="image/svg+xml")

    async def _found(self, request: Request, parameters: tuple[str, ...]) -> tuple[Room, list[str]]:
        """Return a room, and the languages that may be asked for. Raises Fault where there is no such room."""
        require_parameters(request.query_params, parameters)
        caller = self.doors.caller(request)
        self.doors.clients.requested(caller.name)
        name = room_name(request.path_params["room"])
        described = await self.doors.gateway.describe(caller)
        allowed = granted(caller.token)
        allowed.require(name, LISTENER)
        room = self.rooms.find(allowed.tenant, name)
        if room is None and self.doors.settings.rooms_nats:
            room = await self.rooms.opened(allowed.tenant, name)
            await asyncio.sleep(_LEARNING_SECONDS)
        if room is None or not (room.records or len(room.listeners)):
            raise Fault(404, "NO_SUCH_ROOM", "Nobody is in this room, and nothing is known of it.", "room")
        return room, offered(described).langs
