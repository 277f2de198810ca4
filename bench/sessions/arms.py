"""What is compared: policies and points of ours, on the same stages, each behind a gateway of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import babelmesh
from babelmesh.local import supervisor
from bench.measuring.all_doors import Doors
from bench.sessions.engines import Stages
from realtime.v1 import realtime_translate_pb2 as pb


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to translate."""

    name: str
    policy: str = "agreement"  # the gateway's setting
    stabilization: pb.Stabilization.ValueType = pb.STABILIZATION_UNSPECIFIED
    trailing_silence_ms: int = 0  # 0: the server's
    latency_budget_ms: int = 0  # 0: none

    @property
    def config(self) -> babelmesh.SessionConfig:
        """What its sessions ask for."""
        return babelmesh.SessionConfig(
            stabilization=self.stabilization,
            latency_budget_ms=self.latency_budget_ms,
            endpointing=pb.Endpointing(trailing_silence_ms=self.trailing_silence_ms),
        )


ARMS: Mapping[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("endpointed", policy="endpointed", trailing_silence_ms=500),
        Arm("retranslate", policy="retranslate"),
        Arm("wait-3", policy="wait-3"),
        Arm("wait-6", policy="wait-6"),
        Arm("fast", stabilization=pb.STABILIZATION_FAST),
        Arm("balanced", stabilization=pb.STABILIZATION_BALANCED),
        Arm("aggressive", stabilization=pb.STABILIZATION_AGGRESSIVE),
        Arm("budget-1000", latency_budget_ms=1000),
        Arm("budget-2000", latency_budget_ms=2000),
        Arm("budget-4000", latency_budget_ms=4000),
    )
}


@dataclass(frozen=True, slots=True)
class Gateways:
    """Open connections, by policy."""

    by_policy: Mapping[str, babelmesh.Mesh] = field(default_factory=dict)

    def of(self, arm: Arm) -> babelmesh.Mesh:
        """The one an arm's sessions go to."""
        return self.by_policy[arm.policy]


@dataclass(frozen=True, slots=True)
class Running:
    """The mesh that is measured: one that runs already, or one of our own with these variables of its stages."""

    server: str = ""
    stages: Stages = field(default_factory=dict)
    doors: Doors = field(default_factory=Doors)


@asynccontextmanager
async def gateways(arms: Sequence[Arm], mesh: Running) -> AsyncIterator[Gateways]:
    """Connections to a gateway for each policy, on one mesh of our own; or all to a server, whatever its policy is."""
    policies = sorted({arm.policy for arm in arms})
    async with AsyncExitStack() as open_for:
        addresses = dict.fromkeys(policies, mesh.server)
        if not mesh.server:
            folder = open_for.enter_context(TemporaryDirectory(prefix="babelmesh-bench-"))
            services = [mesh.doors.behind(service) for service in _services(policies, mesh.stages)]
            await open_for.enter_async_context(supervisor.running(services, Path(folder), mesh.doors.ready))
            addresses = {service.name: service.address for service in services}
        meshes = {
            policy: await open_for.enter_async_context(mesh.doors.connected(addresses[policy])) for policy in policies
        }
        yield Gateways(meshes)


def _services(policies: Sequence[str], told: Stages) -> list[supervisor.Service]:
    *stages, gateway = supervisor.mesh_services(supervisor.free_ports(), told)
    for policy in policies:
        ports = supervisor.free_ports()
        address, operations = (f"{supervisor.HOST}:{port}" for port in (ports.gateway, ports.operations))
        own = {"GATEWAY_LISTEN": address, supervisor.OPERATIONS: operations, "GATEWAY_POLICY": policy}
        variables = {**gateway.variables, **own}
        stages.append(replace(gateway, name=policy, address=address, variables=variables))
    return stages
