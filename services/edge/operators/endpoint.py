"""`/v1/operator`: a gateway's view of the mesh as `text/event-stream`, for those who run it.

It holds no text and no address.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import grpc
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mesh.overview.v1 import overview_pb2
from services.common.cancelling import TaskGroup, end_call, heed_cancellation
from services.common.server.slots import Slots
from services.edge import measures
from services.edge.doors.entrance import Doors
from services.edge.doors.tokens import require_parameters
from services.edge.faults import Fault, fault_of_call
from services.edge.plain import plain
from services.edge.realtime.registry import Registry
from services.edge.upstream import Caller, Watch

PATH = "/v1/operator"
_MOST = 32  # pages at once; a gateway's port for operators takes 200 calls
_SILENT_SECONDS = 3.5  # a gateway that tells nothing for so long is gone
_AGAIN_SECONDS = 1.0  # until another try to reach it
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})

Told = overview_pb2.WatchResponse


class Operator:
    """Serves what gateways tell operators.

    Where the gateway asks for tokens, it decides who sees it, by the scope `operate`. Where it asks for none, whoever
    calls from this machine does: neither others, nor those whom a proxy here passes on.
    """

    def __init__(self, doors: Doors, registry: Registry, slots: Slots) -> None:
        self._doors = doors
        self._registry = registry
        self._slots = slots  # of the edge's sessions
        self.watched = Slots(_MOST, stage="")  # of pages that are open

    async def watch(self, request: Request) -> Response:
        """Answer with the mesh's state, once a second until the client leaves."""
        self._registry.require_open()
        require_parameters(request.query_params, ())
        caller = self._doors.caller(request)
        self._doors.clients.requested(caller.name)
        if not _is_here(request):
            await self._require_tokens()
        call = self._doors.gateway.watch(caller)
        try:
            first = await _read(call)
        except BaseException:
            end_call(call)
            raise
        measures.answered(PATH)
        return OverviewStream(_Watching(self, caller, call, first))

    async def _require_tokens(self) -> None:
        """Require that the gateway refuses who shows no token, so that the one that is shown means something."""
        call = self._doors.gateway.watch(Caller())
        try:
            await _read(call)
        except Fault as fault:
            if fault.status == 401:
                return
            raise
        finally:
            end_call(call)
        message = "Without tokens this is for the machine itself: open it there, or through a tunnel to it."
        raise Fault(403, "OPERATORS_ONLY", message)

    def event(self, told: Told | None, fault: Fault | None = None) -> bytes:
        """Return what a page is sent: the gateway's view or what is wrong with it, and this edge's own load."""
        slots = {"slots_total": self._slots.total, "slots_used": self._slots.used}
        edge = {**slots, "draining": self._registry.draining}
        seen = {"overview": plain(told)} if told else {"trouble": fault.code if fault else ""}
        return b"data: " + json.dumps({**seen, "edge": edge}).encode() + b"\n\n"

    def again(self, caller: Caller) -> Watch:
        """Call the gateway once more."""
        return self._doors.gateway.watch(caller)


class _Watching:
    """One page's call to the gateway, made anew as often as it is lost."""

    def __init__(self, operator: Operator, caller: Caller, call: Watch, first: Told) -> None:
        self.operator = operator
        self._caller = caller
        self._call = call
        self._told: Told | None = first

    async def take(self) -> bytes:
        """Return the next event; empty where the caller is refused by now."""
        if self._told:
            told, self._told = self._told, None
            return self.operator.event(told)
        try:
            return self.operator.event(await _read(self._call))
        except Fault as fault:
            if fault.status in (401, 403):
                return b""
            self.close()
            await asyncio.sleep(_AGAIN_SECONDS)
            self._call = self.operator.again(self._caller)
            return self.operator.event(None, fault)

    def close(self) -> None:
        """Leave the call."""
        end_call(self._call)


class OverviewStream(Response):
    """The answer that sends a page what comes, until one of both ends it."""

    media_type = "text/event-stream"

    def __init__(self, watching: _Watching) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._watching = watching

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            with self._watching.operator.watched.taken(), measures.connection(PATH):
                async with TaskGroup() as tasks:
                    sending = tasks.create_task(self._stream(send))
                    leaving = tasks.create_task(_left(receive, sending.cancel))
                    sending.add_done_callback(lambda _: leaving.cancel())
        finally:
            self._watching.close()

    async def _stream(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        while body := await self._watching.take():
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive, then: Callable[[], object]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    then()


async def _read(call: Watch) -> Told:
    """Return the gateway's next message. Raises Fault where there is none."""
    try:
        async with asyncio.timeout(_SILENT_SECONDS):
            told = await call.read()
    except grpc.aio.AioRpcError as error:
        heed_cancellation()
        raise fault_of_call(error) from None
    except TimeoutError:
        raise Fault(504, "GATEWAY_TOO_SLOW", "The gateway tells nothing.", retry_after_ms=1000) from None
    if not isinstance(told, Told):
        raise Fault(503, "GATEWAY_UNAVAILABLE", "The gateway ended the call.", retry_after_ms=1000)
    return told


def _is_here(request: Request) -> bool:
    """Return whether a request comes from this machine itself, and names it as no proxy or other page would."""
    if request.client is None or "forwarded" in request.headers or "x-forwarded-for" in request.headers:
        return False
    own = request.scope["server"][0]  # the address that was called
    return request.client.host in {own, *_HERE} and request.url.hostname in {own, *_HERE}
