"""The interceptor of every call: it refuses or admits calls, continues their trace, and ends them with a typed
status.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import grpc
from opentelemetry import context as trace_context

from services.common.errors import Defect, MeshError, StageFailed, cause
from services.common.retrying import jittered
from services.common.rpc_handlers import Handler, Method, method_of, with_stream
from services.common.server.holding import attributed
from services.common.server.lone_request import lone_request
from services.common.server.reading import readable, reader
from services.common.server.status import Status
from services.common.states import State
from services.common.statuses import to_status
from services.common.telemetry import rpcs, tracing

log = logging.getLogger(__name__)

RETRY_MS = 500  # another try, where a call was refused for the service's state


@dataclass(frozen=True, slots=True)
class Doors:
    """Decides by the service's state which calls are refused."""

    status: Status
    stage: str

    # These are for whoever looks after the service, whatever its state is.
    ALWAYS_OPEN = ("/mesh.stage.", "/mesh.fault.", "/mesh.overview.", "/externalscaler.")
    # A session is refused upon its hello, in its own stream: a client that writes may lose any earlier answer.
    OPEN_WHILE_DRAINING = ("/realtime.v1.RealtimeTranslate/Stream",)
    REFUSALS: ClassVar[Mapping[State, tuple[str, str]]] = {
        State.STARTING: ("NOT_READY", "The service is still starting."),  # half-loaded, it tells half of what it can do
        State.DRAINING: ("DRAINING", "The service is about to stop."),
        State.STUCK: ("STUCK", "The service's engine makes no progress."),
    }

    def pass_(self, method: str) -> None:
        """Raise StageFailed where a call of the method is refused now."""
        state = self.status.state
        if state is State.SERVING or (state is State.DRAINING and method in self.OPEN_WHILE_DRAINING):
            return
        code, message = self.REFUSALS[state]
        rpcs.refused(self.stage, code)
        raise StageFailed(code, message, retry_after_ms=jittered(RETRY_MS))


class Guard:
    """Runs each call in its trace, and ends it with the status of the exception that it raised."""

    def __init__(self, doors: Doors, broken: Callable[[str], bool]) -> None:
        self._doors = doors
        self._broken = broken  # told why when this process can do nothing well any more
        self._calls = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def facing(self, strangers: bool) -> grpc.aio.ServerInterceptor:
        """Return the interceptor of a server; with `strangers`, callers' traces are linked rather than continued."""
        return _Facing(self, strangers)

    async def emptied(self) -> None:
        """Wait until no calls are left but those that are always allowed."""
        await self._empty.wait()

    def guarded(self, handler: Handler, name: str, strangers: bool) -> Handler:
        """Return the handler of a method, guarded where the service is one of ours."""
        if handler.request_deserializer is None:
            return handler
        unary, method = not handler.request_streaming, method_of(handler)
        if not name.startswith(("/mesh.", "/realtime.", "/externalscaler.")):
            foreign = not unary or not inspect.iscoroutinefunction(method)
            return handler if foreign else _reading(handler, method)
        counted = not name.startswith(Doors.ALWAYS_OPEN)

        async def inside(requests: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            token = trace_context.attach(tracing.incoming(context.invocation_metadata(), strangers))
            try:
                with rpcs.measured(name, context), attributed(name):
                    request = readable(await lone_request(context)) if unary else requests
                    if not counted:
                        return await method(request, context)
                    self._doors.pass_(name)
                    with self._inside():
                        return await method(request, context)
            except BaseException as error:
                await abort(context, self._seen(cause(error)))
            finally:
                trace_context.detach(token)

        return with_stream(handler, inside, reader(handler.request_deserializer))

    def _seen(self, error: BaseException) -> BaseException:
        """Return the error to report. After running out of memory, callers are sent elsewhere and this process is
        ended.
        """
        if not isinstance(error, MemoryError):
            return error
        self._broken("ended, memory is exhausted")
        return StageFailed("OUT_OF_MEMORY", "The service has no memory left.", retry_after_ms=RETRY_MS)

    @contextmanager
    def _inside(self) -> Iterator[None]:
        self._calls += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._empty.set()


class _Facing(grpc.aio.ServerInterceptor):
    """The guard's interceptor at one of a service's ports."""

    def __init__(self, guard: Guard, strangers: bool) -> None:
        self._guard = guard
        self._strangers = strangers
        self._guarded: dict[str, tuple[Handler, Handler]] = {}  # so far, by the method, which has to be there

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the guarded handler of the call's method."""
        handler, method = await continuation(handler_call_details), handler_call_details.method
        if handler is None:
            return None
        known = self._guarded.get(method)
        if known is None or known[0] is not handler:
            known = self._guarded[method] = (handler, self._guard.guarded(handler, method, self._strangers))
        return known[1]


def _reading(handler: Handler, method: Method) -> Handler:
    """Wrap a handler that is not ours, such as health's, so that its request is checked for presence and form."""

    async def read(requests: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            request = readable(await lone_request(context))
        except MeshError as refusal:
            await abort(context, refusal)
        return await method(request, context)

    return with_stream(handler, read, reader(cast(Any, handler.request_deserializer)))


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: BaseException) -> None:
    """End a call with the status of an error. What is no error of a call, such as a cancellation, is raised again."""
    if not isinstance(error, Exception) or isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, grpc.aio.InternalError):  # a write or read on a call that is over: there is nobody to tell
        log.info("call was over", extra={"fields": {"cancelled": context.cancelled()}})
        return
    if not isinstance(error, MeshError):
        log.error("call failed unexpectedly", exc_info=error)
        error = Defect("DEFECT", "The server failed in a way it did not foresee. Its log has the place.")
    status = to_status(error)
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(code, status.message, trailing_metadata=details)
