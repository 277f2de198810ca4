"""The processes that rooms run on, as measurements start them: a scripted mesh, edges, and a NATS server."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import psutil

from babelmesh._stubs.mesh.overview.v1 import overview_pb2, overview_pb2_grpc
from babelmesh.client.mesh import is_serving
from babelmesh.local import supervisor
from bench.edge.typing import edge
from bench.measuring.nats_server import NatsServer
from bench.measuring.processes import SCRIPTED, LocalMesh, local_mesh

VARIABLES = {**SCRIPTED, "ASR_SLOTS": "64", "ASR_VAD": "energy", "GATEWAY_SLOTS": "400", "GATEWAY_MAX_TARGETS": "8"}
OPEN_EDGE = {"EDGE_CLIENT_SLOTS": "0", "EDGE_VIEWERS": "5000", "EDGE_CLIENT_VIEWERS": "0"}


@dataclass
class Hall:
    """A scripted mesh, with edges before it that share their rooms."""

    mesh: LocalMesh
    nats: NatsServer
    ports: list[int]
    edges: Sequence[supervisor.Running]  # as they are now: a killed one is started again

    def processes(self) -> list[psutil.Process]:
        """All processes that serve, as they are now."""
        found = [*self.mesh.processes.values(), *(psutil.Process(each.child.pid) for each in self.edges)]
        if self.nats.process is not None:
            found.append(psutil.Process(self.nats.process.pid))
        return found

    def kill_edge(self, number: int) -> None:
        """End an edge without a word; it is started again."""
        os.kill(self.edges[number].child.pid, signal.SIGKILL)

    async def serves(self, number: int) -> None:
        """Wait until an edge serves again."""
        while True:
            if await is_serving(self.edges[number].service.address):
                return
            await asyncio.sleep(0.1)

    async def recognitions(self) -> int:
        """How many sessions are recognized now, as the gateway sees its recognition stage."""
        operations = self.mesh.processes["gateway"].environ()[supervisor.OPERATIONS]
        async with grpc.aio.insecure_channel(operations) as channel:
            call = overview_pb2_grpc.OverviewStub(channel).Watch(overview_pb2.WatchRequest(interval_ms=500))
            told = await call.read()
            call.cancel()
        assert isinstance(told, overview_pb2.WatchResponse)
        return sum(each.slots_used for stage in told.stages if stage.name.lower() == "asr" for each in stage.replicas)


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """The processor time that processes have used."""
    times = [each.cpu_times() for each in processes]
    return sum(each.user + each.system for each in times)


def allow_files() -> None:
    """Allow as many open files as the system does: the processes that are started inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@asynccontextmanager
async def hall(count: int = 2, **variables: str) -> AsyncIterator[Hall]:
    """A mesh, NATS and so many edges for the block."""
    allow_files()
    *ports, nats_port = supervisor.unused_ports(count + 1)
    nats = NatsServer(nats_port)
    told = {**OPEN_EDGE, "EDGE_ROOMS_NATS": f"nats://127.0.0.1:{nats_port}", **variables}
    await nats.start()
    try:
        async with local_mesh(VARIABLES) as mesh:
            services = [edge(port, mesh.address, told) for port in ports]
            with TemporaryDirectory(prefix="babelmesh-bench-") as logs:
                async with supervisor.supervised(services, Path(logs)) as started:
                    yield Hall(mesh, nats, ports, started)
    finally:
        await nats.kill()
