"""The ports of a service: one for its callers and, where strangers call, another for operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mesh.fault.v1 import fault_pb2, fault_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from services.common.cancelling import TaskGroup
from services.common.grpc_options import edge_options, server_options
from services.common.server.faults import FaultServicer
from services.common.server.listening import limit_backlog
from services.common.server.replica import Edge, Replica
from services.common.server.status import Status, StatusServicer
from services.common.settings import ServiceSettings

OPERATORS = 200  # calls at once of those who run the mesh


@dataclass(frozen=True, slots=True)
class Ports:
    """The servers of one process. Where only services of the mesh call, both are the same."""

    service: grpc.aio.Server
    operators: grpc.aio.Server

    async def open(self, listen: str, edge: Edge | None) -> int:
        """Open the ports, and return the service's. The operators' address is recorded in the edge."""
        port = self.service.add_insecure_port(listen)
        await self.service.start()
        if edge:
            limit_backlog(port, edge.backlog)
            taken = self.operators.add_insecure_port(edge.operations)
            edge.operations = f"{edge.operations.rpartition(':')[0]}:{taken}"
            await self.operators.start()
        return port

    async def stop(self, seconds: float) -> None:
        """Stop the servers, with so many seconds for responses on their way."""
        async with TaskGroup() as tasks:
            for server in {self.service, self.operators}:
                tasks.create_task(server.stop(seconds))


def servers(
    settings: ServiceSettings, edge: Edge | None, guard: Callable[[bool], grpc.aio.ServerInterceptor], checks: Any
) -> Ports:
    """Return the servers, with health alone. `guard` makes an interceptor, for calls of strangers or of the mesh."""
    streams = 2 * settings.slots + 100
    if edge is None:
        service = operators = grpc.aio.server(interceptors=[guard(False)], options=server_options(streams))
    else:
        options = edge_options(streams, edge.connections)
        service = grpc.aio.server(interceptors=[guard(not edge.trust_traces)], options=options)
        options = server_options(OPERATORS)
        inside = [guard(False), *edge.doors]
        operators = grpc.aio.server(interceptors=inside, options=options, maximum_concurrent_rpcs=OPERATORS)
        edge.add_to(operators)
    for server in {service, operators}:
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    return Ports(service, operators)


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
