"""The edge's routes, and the answers to what goes wrong in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from services.common.errors import MeshError
from services.common.server.slots import Slots
from services.edge import measures
from services.edge.compat.client_secrets import PATH as SECRETS
from services.edge.compat.client_secrets import ClientSecrets
from services.edge.compat.listen import PATH as DEEPGRAM
from services.edge.compat.listen import Listen
from services.edge.compat.translations import PATH as OPENAI
from services.edge.compat.translations import Translations
from services.edge.doors.entrance import Doors, problem, refuse
from services.edge.doors.limits import Clients
from services.edge.faults import Fault, as_fault
from services.edge.operators.endpoint import PATH as OPERATOR
from services.edge.operators.endpoint import Operator
from services.edge.pages import page_routes
from services.edge.realtime.endpoint import PATH, Realtime
from services.edge.realtime.registry import Registry
from services.edge.rest.languages import Languages
from services.edge.rest.speech import Speech
from services.edge.rest.texts import Texts
from services.edge.rooms.endpoint import PATH as ROOM
from services.edge.rooms.endpoint import RoomsEndpoint
from services.edge.rooms.rest import QR, STATE, TRANSCRIPT, RoomsOverHttp
from services.edge.rooms.rooms import Rooms
from services.edge.settings import SAME_ORIGIN
from services.edge.viewing.endpoint import Captions
from services.edge.viewing.galleries import PATH as CAPTIONS
from services.edge.viewing.galleries import Galleries
from services.edge.webrtc.calls import PATH as CALLS
from services.edge.webrtc.calls import Calls
from services.edge.webrtc.resources import Resources
from services.edge.webrtc.rooms import WHEP, WHIP, RoomConnections
from services.edge.webrtc.translating import PATH as TRANSLATION_CALLS
from services.edge.webrtc.translating import TranslationCalls

_SOCKETS = (PATH, ROOM, DEEPGRAM, OPENAI)
_HERE = Path(__file__).parent
DOCUMENTS = {
    "/openapi.json": _HERE / "rest" / "openapi.json",
    "/asyncapi.json": _HERE / "realtime" / "asyncapi.json",
    "/asyncapi-rooms.json": _HERE / "rooms" / "asyncapi.json",
}


@dataclass(frozen=True, slots=True)
class Serving:
    """What the routes serve from."""

    doors: Doors
    registry: Registry
    galleries: Galleries
    viewers: Clients
    slots: Slots  # of sessions
    rooms: Rooms

    async def health(self, request: Request) -> Response:
        """Answer whether this process takes new connections."""
        if self.registry.draining:
            return JSONResponse({"status": "DRAINING"}, 503)
        return JSONResponse({"status": "SERVING"})


def app(serving: Serving) -> Starlette:
    """Return the application."""
    doors = serving.doors
    texts, speech = Texts(doors), Speech(doors)
    routes: list[BaseRoute] = [
        WebSocketRoute(PATH, Realtime(doors, serving.registry, serving.galleries).serve),
        WebSocketRoute(ROOM, RoomsEndpoint(doors, serving.viewers, serving.registry, serving.rooms).serve),
        WebSocketRoute(DEEPGRAM, Listen(doors, serving.registry).serve),
        WebSocketRoute(OPENAI, Translations(doors, serving.registry).serve),
        Route(SECRETS, ClientSecrets(doors).create, methods=["POST"]),
        *_connections(Resources(doors, serving.registry), serving),
        Route("/v1/translate", texts.translate, methods=["POST"]),
        Route("/v2/translate", texts.deepl, methods=["POST"]),
        Route("/v1/translations", texts.vllm, methods=["POST"]),
        Route("/v1/transcribe", speech.transcribe, methods=["POST"]),
        Route("/v1/translate-audio", speech.translate, methods=["POST"]),
        Route(CAPTIONS, Captions(doors, serving.registry, serving.galleries, serving.viewers).watch),
        *_rooms(RoomsOverHttp(doors, serving.rooms)),
        Route(OPERATOR, Operator(doors, serving.registry, serving.slots).watch),
        Route("/v1/languages", Languages(doors).describe),
        Route("/healthz", serving.health),
        *(Route(path, _document(file)) for path, file in DOCUMENTS.items()),
        *page_routes(),
        WebSocketRoute("/{path:path}", _no_socket),
    ]
    handlers: Mapping[type[Exception], object] = {MeshError: _refused, Fault: _refused, HTTPException: _missing}
    return Starlette(
        routes=routes,
        middleware=_middleware(doors.settings.origins),
        exception_handlers=dict(handlers),  # type: ignore[arg-type]  # each takes its own kind
    )


def _connections(resources: Resources, serving: Serving) -> list[BaseRoute]:
    """Return the routes of connections by WebRTC."""
    made: dict[str, ASGIApp] = {
        CALLS: Calls(resources, serving.galleries),
        TRANSLATION_CALLS: TranslationCalls(resources),
        WHIP: RoomConnections(resources, serving.rooms, WHIP),
        WHEP: RoomConnections(resources, serving.rooms, WHEP),
    }
    routes: list[BaseRoute] = []
    for path, endpoint in made.items():
        routes += [
            Route(path, _Offers(endpoint, resources), methods=["POST", "GET", "OPTIONS"]),
            Route(f"{path}/{{id}}", resources.change, methods=["PATCH", "DELETE"]),
        ]
    return routes


@dataclass(frozen=True, slots=True)
class _Offers:
    """One resource of two: it takes offers, and says with which servers they are made. Its 405 names all methods."""

    taken: ASGIApp
    resources: Resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "POST":
            await self.taken(scope, receive, send)
        else:
            answer = await self.resources.describe(Request(scope, receive))
            await answer(scope, receive, send)


def _rooms(rooms: RoomsOverHttp) -> list[Route]:
    return [Route(STATE, rooms.state), Route(TRANSCRIPT, rooms.transcript), Route(QR, rooms.qr)]


def _middleware(origins: tuple[str, ...]) -> list[Middleware]:
    """Return what lets pages of other origins read answers; whether they may call at all is decided at the doors."""
    others = [each for each in origins if each != SAME_ORIGIN]
    if not others:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=others,
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-Match", "Last-Event-ID"],
            expose_headers=["ETag", "Link", "Location"],
        )
    ]


def _document(path: Path) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return FileResponse(path, media_type="application/json")

    return answer


async def _no_socket(socket: WebSocket) -> None:
    await refuse(socket, Fault(404, "NOT_FOUND", "No WebSocket is served here.", "path", _SOCKETS), "")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, MeshError | Fault)
    fault = as_fault(error)
    route = request.scope.get("route")
    measures.refused(route.path if isinstance(route, Route) else "", fault.code)
    return problem(fault)


async def _missing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
    answer = problem(Fault(error.status_code, codes.get(error.status_code, "REFUSED"), error.detail))
    answer.headers.update(error.headers or {})
    return answer
