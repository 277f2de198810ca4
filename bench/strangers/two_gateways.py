"""Two gateways over one set of scripted stages, all processes of their own, which ask for tokens and keep quotas."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc

from babelmesh.local import supervisor
from babelmesh.local.edge import Front, edge_service
from babelmesh.local.supervisor import HOST, OPERATIONS, Service
from bench.measuring.issuer import ISSUER, write_jwks
from bench.measuring.processes import SCRIPTED, Variables
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where a gateway's clients call, and its operators."""

    address: str
    operations: str
    edge: int = 0  # the port of the edge before it; 0: none


@asynccontextmanager
async def two_gateways(
    folder: Path, classes: Mapping[str, object], variables: Variables
) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Run the mesh for the block; `classes` are those of the quotas, `variables` the gateways'."""
    quotas = folder / "quotas.json"
    quotas.write_text(json.dumps(classes))
    told = {
        "GATEWAY_TOKENS_JWKS": str(write_jwks(folder / "keys.jwks")),
        "GATEWAY_TOKENS_ISSUER": ISSUER,
        "GATEWAY_QUOTAS": str(quotas),
        "GATEWAY_SLOTS": "64",
        **variables,
    }
    *stages, gateway = supervisor.mesh_services(supervisor.free_ports())
    ports = supervisor.free_ports()
    moved = {"GATEWAY_LISTEN": f"{HOST}:{ports.gateway}", OPERATIONS: f"{HOST}:{ports.operations}"}
    first = replace(gateway, variables={**gateway.variables, **told})
    second = replace(first, name="gateway-2", address=f"{HOST}:{ports.gateway}", variables={**first.variables, **moved})
    room = {"ASR_SLOTS": "64", "MT_SLOTS": "256", "TTS_SLOTS": "256", "ASR_VAD": "energy"}
    with_room = [replace(each, variables={**each.variables, **_own(each, {**SCRIPTED, **room})}) for each in stages]
    (edge,) = supervisor.unused_ports(1)
    before = edge_service(Front(edge), first.address)
    async with supervisor.running([*with_room, first, second, before], folder):
        yield Gateway(first.address, first.operations, edge), Gateway(second.address, second.operations)


def _own(service: Service, variables: Variables) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.startswith(f"{service.name.upper()}_")}


async def slots_used(channel: grpc.aio.Channel) -> int:
    """How many slots a gateway says that it uses now, at its operators' port."""
    watched = stage_pb2_grpc.StageStub(channel).Watch(stage_pb2.WatchRequest())
    try:
        told = await watched.read()
        assert isinstance(told, stage_pb2.WatchResponse)  # it tells at once
        return told.slots_used
    finally:
        watched.cancel()
