"""The edge's routes, and the answers to what goes wrong in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from services.common.errors import MeshError
from services.edge.doors.entrance import Doors, problem
from services.edge.faults import Fault, as_fault
from services.edge.realtime.endpoint import PATH, Realtime
from services.edge.realtime.registry import Registry


@dataclass(frozen=True, slots=True)
class Serving:
    """What the routes serve from."""

    doors: Doors
    registry: Registry

    async def health(self, request: Request) -> Response:
        """Answer whether this process takes new connections."""
        if self.registry.draining:
            return JSONResponse({"status": "DRAINING"}, 503)
        return JSONResponse({"status": "SERVING"})


def app(serving: Serving) -> Starlette:
    """Return the application."""
    realtime = Realtime(serving.doors, serving.registry)
    routes: list[BaseRoute] = [
        WebSocketRoute(PATH, realtime.serve),
        Route("/healthz", serving.health),
    ]
    handlers: Mapping[type[Exception], object] = {
        MeshError: _refused,
        Fault: _refused,
        HTTPException: _missing,
    }
    return Starlette(routes=routes, exception_handlers=dict(handlers))  # type: ignore[arg-type]  # each takes its own kind


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, MeshError | Fault)
    return problem(as_fault(error))


async def _missing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
    answer = problem(Fault(error.status_code, codes.get(error.status_code, "REFUSED"), error.detail))
    answer.headers.update(error.headers or {})
    return answer
