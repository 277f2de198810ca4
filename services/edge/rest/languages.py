"""`/v1/languages`: what may be spoken, translated and heard here."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.edge import measures
from services.edge.doors.entrance import Doors
from services.edge.plain import plain


class Languages:
    """Serves what the gateway describes."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def describe(self, request: Request) -> Response:
        """Answer with languages, pairs, voices, formats and limits, by the contract's names."""
        caller = self._doors.caller(request)
        self._doors.clients.requested(caller.name)
        described = await self._doors.gateway.describe(caller)
        measures.answered("/v1/languages")
        return JSONResponse(plain(described))
