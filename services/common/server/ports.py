"""The ports of a service: one for its callers and, where strangers call, another for operators."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Never

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mesh.fault.v1 import fault_pb2, fault_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from services.common.cancelling import TaskGroup
from services.common.errors import InvalidArgument
from services.common.grpc_options import edge_options, server_options
from services.common.revoked import Revoked
from services.common.server.faults import FaultServicer
from services.common.server.listening import limit_backlog
from services.common.server.replica import Edge, Replica
from services.common.server.status import Status, StatusServicer
from services.common.settings import ServiceSettings
from services.common.tls.callers import CallersOnly
from services.common.tls.serving import OPERATORS as FOR_OPERATORS
from services.common.tls.serving import Serving, for_clients, serving

OPERATORS = 200  # calls at once of those who run the mesh


@dataclass(frozen=True, slots=True)
class Ports:
    """The servers of one process. Where only services of the mesh call, both are the same."""

    service: grpc.aio.Server
    operators: grpc.aio.Server
    probes: grpc.aio.Server | None  # health alone, without TLS
    how: Sequence[Serving]  # the service's port is served, and the operators'

    async def open(self, settings: ServiceSettings, edge: Edge | None) -> int:
        """Open the ports, and return the service's. The operators' address is recorded in the edge."""
        port = self.how[0].add_port(self.service, settings.listen)
        await self.service.start()
        if edge:
            limit_backlog(port, edge.backlog)
            taken = self.how[-1].add_port(self.operators, edge.operations)
            edge.operations = f"{edge.operations.rpartition(':')[0]}:{taken}"
            await self.operators.start()
        if self.probes and settings.health:
            self.probes.add_insecure_port(settings.health)
            await self.probes.start()
        return port

    async def follow_files(self, seconds: float) -> None:
        """Look every so many seconds whether there are new certificates, until cancelled."""
        async with TaskGroup() as tasks:
            for each in self.how:
                if each.files:
                    tasks.create_task(each.files.run(seconds))
                if each.revoked.set:
                    tasks.create_task(_look(each.revoked, seconds))

    async def stop(self, seconds: float) -> None:
        """Stop the servers, with so many seconds for responses on their way."""
        async with TaskGroup() as tasks:
            for server in {self.service, self.operators, *([self.probes] if self.probes else [])}:
                tasks.create_task(server.stop(seconds))


async def _look(revoked: Revoked, seconds: float) -> Never:
    """Look every so many seconds whether other certificates are revoked, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(revoked.reload)


def servers(
    settings: ServiceSettings,
    edge: Edge | None,
    guard: Callable[[bool], grpc.aio.ServerInterceptor],
    checks: Any,
    stage: str,
) -> Ports:
    """Return the servers, with health alone. `guard` makes an interceptor, for calls of strangers or of the mesh.

    Raises InvalidArgument where they cannot be served as the settings of TLS say.
    """
    streams, how = 2 * settings.slots + 100, [for_clients(settings, stage)]
    if edge is None:
        first = _interceptors(how[0], stage, guard(False))
        service = operators = grpc.aio.server(interceptors=first, options=server_options(streams))
    else:
        how.append(serving(settings, stage, FOR_OPERATORS, edge.operations, edge.operators))
        first = _interceptors(how[0], stage, guard(not edge.trust_traces))
        service = grpc.aio.server(interceptors=first, options=edge_options(streams, edge.connections))
        operators = _of_few([*_interceptors(how[1], stage, guard(False)), *edge.doors])
        edge.add_to(operators)
    if settings.tls_revoked and not any(each.revoked.set for each in how):
        message = f"It is of no use without {settings.variable('tls_client_ca')}: nobody shows a certificate."
        raise InvalidArgument("TLS_SETTING", message, settings.variable("tls_revoked"))
    probes = _of_few([guard(False)]) if settings.health else None
    for server in {service, operators, *([probes] if probes else [])}:
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    return Ports(service, operators, probes, how)


def _of_few(interceptors: Sequence[grpc.aio.ServerInterceptor]) -> grpc.aio.Server:
    """Return a server for those who run the mesh."""
    return grpc.aio.server(
        interceptors=interceptors, options=server_options(OPERATORS), maximum_concurrent_rpcs=OPERATORS
    )


def _interceptors(how: Serving, stage: str, guard: grpc.aio.ServerInterceptor) -> list[grpc.aio.ServerInterceptor]:
    """Return a server's interceptors, the first of which sees a call first."""
    return [CallersOnly(how, stage), guard] if how.looks_at_callers else [guard]


def add_for_operators(
    server: grpc.aio.Server, replica: Replica, settings: ServiceSettings, status: Status, name: str
) -> None:
    """Register state, faults and reflection for operators; `name` is the service's."""
    stage_pb2_grpc.add_StageServicer_to_server(StatusServicer(status, replica), server)
    forbidding = "" if settings.faults else f"{settings.model_config.get('env_prefix', '')}FAULTS"
    faults = FaultServicer(forbidding, replica.watchdog.rehearsal if replica.watchdog else None, replica.forward)
    fault_pb2_grpc.add_FaultServicer_to_server(faults, server)
    if settings.reflection:
        names = (name, *(_name_of(module) for module in (stage_pb2, fault_pb2)), health.SERVICE_NAME)
        reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server)


def add_for_clients(server: grpc.aio.Server, edge: Edge | None, name: str) -> None:
    """Register reflection for clients, where that is set: it names what they may call, and nothing else."""
    if edge and edge.reflection:
        reflection.enable_server_reflection([name, health.SERVICE_NAME, reflection.SERVICE_NAME], server)


def _name_of(module: Any) -> str:
    """Return the full name of the only service in a contract's module."""
    (service,) = module.DESCRIPTOR.services_by_name.values()
    return str(service.full_name)
