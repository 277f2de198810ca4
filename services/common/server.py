"""A gRPC server as every service runs it: health, reflection, typed statuses, traces, a graceful stop.

Health says NOT_SERVING until the servicer has loaded and warmed up, and again from the moment a stop is asked for.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeAlias, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from opentelemetry import context as trace_context
from pydantic import ValidationError

from services.common import logs, telemetry
from services.common.errors import Defect, MeshError, StageFailed, cause, to_status
from services.common.grpc_options import server_options
from services.common.settings import ServiceSettings

log = logging.getLogger(__name__)

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Servicer(Protocol):
    """A service's own part: what it serves, and what it loads first.

    Every method of the contract is a coroutine (streams use `context.read` and `context.write`), so that one place can
    turn its exceptions into statuses.
    """

    service_name: str  # full gRPC name, "mesh.asr.v1.Asr"

    def add_to(self, server: grpc.aio.Server) -> None:
        """Registers the servicer with a server."""

    async def start(self) -> None:
        """Loads and warms up; returns when the first call would be as fast as the hundredth."""

    async def stop(self) -> None:
        """Releases everything `start` and the calls took."""


class _Guard(grpc.aio.ServerInterceptor):
    """Runs each call in the caller's trace, and ends it with the status of the exception it left with.

    Before the service is ready, calls are refused: half-loaded, it would tell half of what it can do.
    """

    def __init__(self) -> None:
        self.ready = False

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(("/mesh.", "/realtime.")):
            return handler
        sides = (handler.request_streaming, handler.response_streaming)
        kind = "_".join("stream" if streaming else "unary" for streaming in sides)
        method = getattr(handler, kind)

        async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            token = trace_context.attach(telemetry.incoming(context.invocation_metadata()))
            try:
                if not self.ready:
                    raise StageFailed("NOT_READY", "The service is still starting.", retry_after_ms=500)
                return await method(request, context)
            except BaseException as error:
                await _abort(context, cause(error))
            finally:
                trace_context.detach(token)

        make = getattr(grpc, f"{kind}_rpc_method_handler")
        return cast(Handler, make(guarded, handler.request_deserializer, handler.response_serializer))


async def _abort(context: grpc.aio.ServicerContext[Any, Any], error: BaseException) -> None:
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


@asynccontextmanager
async def running(servicer: Servicer, settings: ServiceSettings) -> AsyncIterator[int]:
    """Serves inside the block and yields the port, once the servicer is ready; drains when the block is left."""
    streams = 2 * settings.slots + 100
    guard = _Guard()
    server = grpc.aio.server(interceptors=[guard], options=server_options(streams))
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    servicer.add_to(server)
    names = (servicer.service_name, health.SERVICE_NAME)
    if settings.reflection:
        reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server)
    await _set_health(checks, servicer.service_name, health_pb2.HealthCheckResponse.NOT_SERVING)
    port = server.add_insecure_port(settings.listen)
    await server.start()
    try:
        await servicer.start()
        guard.ready = True
        await _set_health(checks, servicer.service_name, health_pb2.HealthCheckResponse.SERVING)
        yield port
    finally:
        await checks.enter_graceful_shutdown()
        if drain := getattr(servicer, "drain", None):
            await drain(settings.drain_seconds)
        await server.stop(settings.drain_seconds)
        await servicer.stop()


async def _set_health(checks: Any, name: str, status: Any) -> None:
    for service in ("", name):
        await checks.set(service, status)


async def serve(servicer: Servicer, settings: ServiceSettings) -> None:
    """Runs a service until SIGTERM or SIGINT. Before it is ready there is nothing to drain: they end it at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with running(servicer, settings) as port:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        log.info("serving", extra={"fields": {"port": port}})
        await stop.wait()
        log.info("stopping", extra={"fields": {"drain_seconds": settings.drain_seconds}})


def run(
    service: str,
    make: Callable[[], tuple[Servicer, ServiceSettings]],
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    """The body of a service's `__main__`: settings, logs, traces, loop. `make` is called inside the loop.

    A service that starts child programs stays with asyncio's own loop. uvloop is faster at messages, but it forks where
    asyncio does not copy the process, and a fork beside gRPC's threads now and then ends before the program has begun.
    """

    async def body() -> None:
        servicer, settings = make()
        logs.configure(service, settings.log_level)
        telemetry.setup(service)
        try:
            await serve(servicer, settings)
        finally:
            telemetry.shutdown()

    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(body())
    except (ValidationError, MeshError) as error:  # a setting, or a program that is missing: for whoever started us
        sys.exit(f"{service} cannot start: {error}")


def channel(target: str, options: Sequence[tuple[str, int]]) -> grpc.aio.Channel:
    """A plaintext channel. Encryption between services is the platform's to add."""
    return grpc.aio.insecure_channel(target, options=options)
