"""`/v1/sessions/ID/captions`: a session's captions as `text/event-stream`, for those who only read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.common.cancelling import TaskGroup
from services.common.errors import InvalidArgument
from services.common.text.languages import MAX_TAG_LENGTH, written
from services.edge import measures
from services.edge.doors.entrance import Doors
from services.edge.doors.limits import Clients
from services.edge.doors.tokens import require_parameters
from services.edge.fields import as_flag
from services.edge.realtime.registry import Registry
from services.edge.viewing.audience import Viewer
from services.edge.viewing.galleries import PATH, Galleries

_MOST_LANGS = 32
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Captions:
    """Serves the captions of sessions that are shown."""

    def __init__(self, doors: Doors, registry: Registry, galleries: Galleries, viewers: Clients) -> None:
        self._doors = doors
        self._registry = registry
        self._galleries = galleries
        self._viewers = viewers

    async def watch(self, request: Request) -> Response:
        """Answer with a session's captions, from what the viewer has not read yet."""
        self._registry.require_open()
        require_parameters(request.query_params, ("lang", "partial_results"))
        visitor = self._doors.visitor(request)
        self._doors.clients.requested(visitor.name)
        audience = self._galleries.audience(request.path_params["session_id"], visitor.token)
        langs = request.query_params.getlist("lang")
        if len(langs) > _MOST_LANGS:
            raise InvalidArgument("TOO_MANY", "It names too many languages.", "lang", [f"up to {_MOST_LANGS}"])
        if not all(len(each) <= MAX_TAG_LENGTH and written(each) for each in langs):
            raise InvalidArgument("UNKNOWN_LANGUAGE", "This names no language.", "lang", ["language tags (BCP-47)"])
        partial = as_flag(request.query_params.get("partial_results", "true"), "partial_results")
        viewer = Viewer(frozenset(langs), partial)
        held = ExitStack()
        held.enter_context(self._viewers.connected(visitor.name))
        held.enter_context(self._registry.entered(viewer))
        held.enter_context(measures.connection(PATH))
        held.callback(audience.viewers.discard, viewer)
        held.callback(measures.answered, PATH)
        audience.join(viewer, request.headers.get("last-event-id", "")[:64])
        return CaptionStream(viewer, held, self._galleries.sweep)


class CaptionStream(Response):
    """The answer that sends a viewer what comes, until one of both ends it."""

    media_type = "text/event-stream"

    def __init__(self, viewer: Viewer, held: ExitStack, sweep: Callable[[], None]) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._viewer = viewer
        self._held = held
        self._sweep = sweep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream. A viewer that reads nothing is found by TCP_USER_TIMEOUT."""
        with self._held:
            async with TaskGroup() as tasks:
                sending = tasks.create_task(self._stream(send))
                leaving = tasks.create_task(_left(receive, sending.cancel))
                sending.add_done_callback(lambda _: leaving.cancel())

    async def _stream(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        while body := await self._viewer.take():
            await send({"type": "http.response.body", "body": body, "more_body": True})
            self._sweep()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive, then: Callable[[], object]) -> None:
    """Wait until the client leaves, and call."""
    while (await receive())["type"] != "http.disconnect":
        pass
    then()
