"""A fleet spread over the hosts of a network: the gateway on one, a replica of every stage on each of two others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.chaos.fleet import STAGES, Fleet, Plan, fleet
from bench.chaos.namespaces import Network, network

CLIENT, GATEWAY, REPLICAS = "client", "gateway", ("stages-1", "stages-2")
HOSTS = (CLIENT, GATEWAY, *REPLICAS)  # the client's is where we are


@dataclass(frozen=True, slots=True)
class Spread:
    """A fleet that is up, and the network between its members."""

    net: Network
    fleet: Fleet


@asynccontextmanager
async def spread(folder: Path, seed: int) -> AsyncIterator[Spread]:
    """Has it up for the block; nothing of it is left afterwards. Raises Refused where the machine does not allow it."""
    async with network(HOSTS, seed) as net:
        places = {f"{stage}-{number}": net.hosts[host] for stage in STAGES for number, host in enumerate(REPLICAS, 1)}
        async with fleet(Plan(hosts={**places, "gateway-1": net.hosts[GATEWAY]}), folder) as up:
            yield Spread(net, up)
