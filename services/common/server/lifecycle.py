"""A gRPC server as every service runs it: health, state, reflection, typed statuses, telemetry, a graceful stop.

Health reports NOT_SERVING until the servicer has loaded and warmed up, while its engine is stuck, and again from the
moment a stop is requested.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
from grpc_health.v1 import health, health_pb2
from pydantic import ValidationError

from services.common.cancelling import TaskGroup
from services.common.errors import MeshError
from services.common.server import endings, hardening
from services.common.server.door import Doors, Guard
from services.common.server.loops import spare_collector
from services.common.server.observing import observed
from services.common.server.ports import Ports, add_for_clients, add_for_operators, servers
from services.common.server.replica import Replica
from services.common.server.slots import FULL
from services.common.server.status import Status
from services.common.server.watchdog import Watchdog, watch
from services.common.settings import ServiceSettings
from services.common.states import State
from services.common.telemetry import logs, rpcs
from services.common.telemetry.exporting import exported

log = logging.getLogger(__name__)

LIVE = "live"  # has health as long as the event loop answers, for probes that end what does not

_LAST_ANSWERS_SECONDS = 0.5  # for answers on their way out when the last call has ended
_LAST_WORDS_SECONDS = 0.5  # for those who watch, and those who call, to hear why it ends


class Servicer(Protocol):
    """A service's own part: what it serves, and what it loads first.

    Every method of the contract is a coroutine (streams use `context.read` and `context.write`), so that one place can
    turn its exceptions into statuses.
    """

    service_name: str  # full gRPC name, "mesh.asr.v1.Asr"
    replica: Replica

    def add_to(self, server: grpc.aio.Server) -> None:
        """Add the service to a gRPC server."""

    async def start(self) -> None:
        """Load and warm up; return when the first call would be as fast as the hundredth."""

    async def drain(self, seconds: float) -> None:
        """Ask clients to leave that would not do so by themselves. Called once, before the server stops.

        New calls are refused by then. The server waits for those here, whatever this does, until the seconds are over.
        """

    async def stop(self) -> None:
        """Release everything that `start` and the calls allocated."""


@dataclass(frozen=True, slots=True)
class _Server:
    """A server with all that reports its state: ports, health and status."""

    ports: Ports
    stage: str  # as metrics call it
    guard: Guard
    checks: Any  # the health servicer
    status: Status
    names: tuple[str, ...]  # of what has a health

    async def enter(self, phase: State) -> None:
        """Enter a phase of the service's life, and report it in state and health."""
        await self.status.enter(phase)
        await self._tell_health()

    async def stick(self, stuck: bool) -> None:
        """Record whether the engine is stuck, and report it in state and health."""
        await self.status.stick(stuck)
        await self._tell_health()

    async def _tell_health(self) -> None:
        serving = self.status.state is State.SERVING
        health_ = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in self.names:
            await self.checks.set(name, health_)
        await self.checks.set(LIVE, health_pb2.HealthCheckResponse.SERVING)

    async def watch(
        self, servicer: Servicer, settings: ServiceSettings, changed: Callable[[bool], Awaitable[None]]
    ) -> None:
        """Watch the engine and the files of certificates, until cancelled; `changed` is told of a stuck engine."""
        async with TaskGroup() as tasks:
            tasks.create_task(watch(servicer.replica.watchdog or Watchdog(), changed))
            tasks.create_task(self.ports.follow_files(settings.tls_reload_seconds))

    async def stop(self, servicer: Servicer, seconds: float) -> None:
        """Stop serving: let the calls here end, then end those that are left after `seconds`."""
        ends = time.monotonic() + seconds
        await self.enter(State.DRAINING)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await servicer.drain(seconds)
                await self.guard.emptied()
        await self.status.end()
        await self.ports.stop(min(max(0.0, ends - time.monotonic()), _LAST_ANSWERS_SECONDS))


@asynccontextmanager
async def running(
    servicer: Servicer, settings: ServiceSettings, broken: Callable[[str], bool] = lambda event: False
) -> AsyncIterator[int]:
    """Serve inside the block, and yield the port once the servicer is ready; drain when the block is left.

    Calls `broken`, with the event to log, when this process should be replaced: its engine makes no progress, or its
    memory is exhausted. The function returns whether the process ends now.
    """
    server = _server(servicer, settings, broken)
    rpcs.may_refuse(server.stage, (FULL, *(code for code, _ in Doors.REFUSALS.values())))
    await server.enter(State.STARTING)
    port = await server.ports.open(settings, servicer.replica.edge)
    grace = 0.0  # before it is ready there is nothing to drain
    ending = False

    async def changed(stuck: bool) -> None:
        nonlocal ending
        if ending:
            return  # callers left, so the engine seems free: who came back would be lost with the process
        await server.stick(stuck)
        log.error("engine is stuck" if stuck else "engine works again")
        if stuck:
            ending = broken("ended, the engine is stuck")

    try:
        with observed(server.stage, servicer.replica, server.status):
            async with TaskGroup() as tasks:
                watching = tasks.create_task(server.watch(servicer, settings, changed))
                try:
                    await servicer.start()
                    grace = settings.drain_seconds
                    await server.enter(State.SERVING)
                    yield port
                finally:
                    await server.stop(servicer, grace)
                    await servicer.stop()
                    watching.cancel()
    except BaseExceptionGroup as group:  # of one: whatever the block or the servicer raised
        raise group.exceptions[0] from group.exceptions[0].__cause__


def _server(servicer: Servicer, settings: ServiceSettings, broken: Callable[[str], bool]) -> _Server:
    status, edge = Status(), servicer.replica.edge
    stage = rpcs.stage_of(servicer.service_name)
    guard = Guard(Doors(status, stage), broken)
    checks = health.aio.HealthServicer()
    ports = servers(settings, edge, guard.facing, checks, stage)
    servicer.add_to(ports.service)
    add_for_clients(ports.service, edge, servicer.service_name)
    add_for_operators(ports.operators, servicer.replica, settings, status, servicer.service_name)
    return _Server(ports, stage, guard, checks, status, ("", servicer.service_name))


async def serve(servicer: Servicer, settings: ServiceSettings) -> None:
    """Run a service until SIGTERM or SIGINT. Before it is ready these signals end it at once.

    A process that is broken (see `running`), or whose loop stands still, ends itself with status 70, so that its
    supervisor starts another. A call whose work holds the loop is ended before that.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end_soon(event: str) -> bool:
        loop.call_later(_LAST_WORDS_SECONDS, endings.end, event, {})
        return True

    with endings.on_standstill(loop, endings.Limits(settings.stalled_seconds, settings.held_seconds)):
        async with running(servicer, settings, end_soon) as port:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop.set)
            spare_collector()
            log.info("serving", extra={"fields": {"port": port, **_operators_port(servicer)}})
            await stop.wait()
            log.info("stopping", extra={"fields": {"drain_seconds": settings.drain_seconds}})


def _operators_port(servicer: Servicer) -> dict[str, str]:
    edge = servicer.replica.edge
    return {"operations": edge.operations} if edge else {}


def run(
    service: str,
    make: Callable[[], tuple[Servicer, ServiceSettings]],
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    """Run a service's `__main__`: settings, logs, telemetry and loop. `make` is called inside the loop."""

    async def body() -> None:
        servicer, settings = make()
        logs.configure(service, settings.log_level)
        with exported(service, settings):
            await serve(servicer, settings)

    hardening.harden()
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(body())
    except (ValidationError, MeshError) as error:  # a setting, or a program that is missing: for whoever started us
        sys.exit(f"{service} cannot start: {error}")
