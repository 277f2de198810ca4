"""The mesh under the fuzzer: four processes on scripted engines, and what can be seen of them from outside."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import psutil

from babelmesh.local import supervisor
from babelmesh.local.edge import Front, edge_service
from bench.hostile.canary import TENANT
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc

# Little that is legal takes long: a character is a millisecond of speech, a silent client is closed after seconds.
VARIABLES: Mapping[str, str] = {
    "ASR_ENGINE": "scripted",
    "ASR_VAD": "energy",
    "ASR_SLOTS": "64",
    "MT_ENGINE": "scripted",
    "MT_SLOTS": "256",
    "TTS_ENGINE": "scripted",
    "TTS_SLOTS": "256",
    "TTS_SCRIPTED__CHAR_MS": "1",
    "GATEWAY_SLOTS": "64",
    "GATEWAY_TENANT_METADATA": TENANT,
    "GATEWAY_IDLE_TIMEOUT_MS": "8000",
    "GATEWAY_CLIENT_STALL_MS": "2000",
    "GATEWAY_STAGE_OUTAGE_MS": "5000",
    "ASR_DRAIN_SECONDS": "1",
    "MT_DRAIN_SECONDS": "1",
    "TTS_DRAIN_SECONDS": "1",
    "GATEWAY_DRAIN_SECONDS": "1",
}
ANSWER_SECONDS = 5.0
LOOK_SECONDS = 0.1

# Lines in which a service says that something happened that it did not foresee.
DEFECT = re.compile(r'"level": "(ERROR|CRITICAL)"|Traceback')
# gRPC's own, of a status or an end that meets a call which its caller has just reset: it logs that as an error.
OF_THE_LIBRARY = re.compile(r"ExecuteBatchError raised in core by|Failed sending error status from server")


@dataclass(frozen=True, slots=True)
class Held:
    """What a service holds."""

    slots: int
    files: int
    tasks: Mapping[str, int]  # by the name of the coroutine

    def widest(self, other: Held) -> Held:
        """The most of files and tasks, the least of slots, of two looks at an idle service."""
        tasks = max((self.tasks, other.tasks), key=lambda tasks: sum(tasks.values()))
        return Held(min(self.slots, other.slots), max(self.files, other.files), tasks)

    def over(self, before: Held) -> list[str]:
        """What it holds more than before."""
        more = [f"{self.slots - before.slots} slots"] if self.slots > before.slots else []
        if self.files > before.files:
            more.append(f"{self.files - before.files} files")
        grown = {name: count - before.tasks.get(name, 0) for name, count in self.tasks.items()}
        if sum(self.tasks.values()) > sum(before.tasks.values()):
            more += [f"{count} tasks of {name}" for name, count in grown.items() if count > 0]
        return more


@dataclass(slots=True)
class Mesh:
    """A mesh that is up."""

    addresses: Mapping[str, str]  # by service, and "operations" for those who run the gateway
    children: Mapping[str, asyncio.subprocess.Process]
    logs: Path
    read: dict[str, int] = field(default_factory=dict)  # bytes of each log that were looked at

    def ended(self) -> list[str]:
        """The services whose processes have ended."""
        return [name for name, child in self.children.items() if child.returncode is not None]

    def defects(self) -> list[str]:
        """New lines of the logs that tell of defects."""
        found = []
        for name in self.children:
            text = (self.logs / f"{name}.log").read_bytes()[self.read.get(name, 0) :].decode(errors="replace")
            self.read[name] = self.read.get(name, 0) + len(text.encode())
            lines = [line for line in text.splitlines() if DEFECT.search(line) and not OF_THE_LIBRARY.search(line)]
            found += [f"{name}: {line}" for line in lines]
        return found

    async def held(self, name: str) -> Held:
        """What a service holds now."""
        pid = self.children[name].pid
        slots, tasks = await self._slots(name), await self._tasks(name, pid)
        # A connection that the fuzzer's library still holds, the service cannot give back.
        own = {each.laddr for each in _connections(os.getpid())}
        held_by_us = sum(each.raddr in own for each in _connections(pid))
        return Held(slots, psutil.Process(pid).num_fds() - held_by_us, tasks["names"])

    async def waiting(self, name: str) -> str:
        """Where the tasks of a service wait, for whoever looks for why a call does not end."""
        if name not in self.children:
            return f"{name} is not watched"
        try:
            places = (await self._tasks(name, self.children[name].pid))["places"]
        except (TimeoutError, psutil.Error, ProcessLookupError) as error:
            return f"{name} does not say where it waits: {type(error).__name__}"
        return "; ".join(f"{count} {place}" for place, count in sorted(places.items()))

    def connections(self) -> str:
        """Who is at the other ends of each service's connections, for whoever looks for one that is left."""
        owners = {os.getpid(): "the fuzzer", **{child.pid: name for name, child in self.children.items()}}
        open_now = {name: list(_connections(pid)) for pid, name in owners.items()}
        ends = {each.laddr: name for name, those in open_now.items() for each in those}
        counted = []
        for name in self.children:
            peers = Counter(f"{each.status} {ends.get(each.raddr, 'nobody')}" for each in open_now[name] if each.raddr)
            counted.append(f"{name}: {', '.join(f'{count} {peer}' for peer, count in sorted(peers.items()))}")
        return "; ".join(counted)

    async def _slots(self, name: str) -> int:
        async with grpc.aio.insecure_channel(
            self.addresses["operations" if name == "gateway" else name], options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            call = stage_pb2_grpc.StageStub(channel).Watch(stage_pb2.WatchRequest(), timeout=ANSWER_SECONDS)
            async for told in call:
                call.cancel()
                return int(told.slots_used)
        return 0

    async def _tasks(self, name: str, pid: int) -> Mapping[str, Mapping[str, int]]:
        file = self.logs / f"{name}.tasks"
        file.unlink(missing_ok=True)
        os.kill(pid, signal.SIGUSR1)
        async with asyncio.timeout(ANSWER_SECONDS):
            while not file.exists():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.01)
        tasks: dict[str, dict[str, int]] = json.loads(file.read_text())
        return tasks

    async def left(self, before: Mapping[str, Held], seconds: float) -> list[str]:
        """What is held for longer than so many seconds by anybody beyond what was held before."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while True:
            more = []
            for name in self.children:
                try:
                    more += [f"{name} holds {what}" for what in (await self.held(name)).over(before[name])]
                except (grpc.aio.AioRpcError, TimeoutError, psutil.Error) as error:
                    more.append(f"{name} does not say what it holds: {type(error).__name__}")
            if not more or clock() > until or self.ended():
                return more
            await asyncio.sleep(LOOK_SECONDS)


def _connections(pid: int) -> list[Any]:
    """A process's connections by TCP; none of one that has ended."""
    with suppress(psutil.Error):
        return psutil.Process(pid).net_connections("tcp")
    return []


@asynccontextmanager
async def scripted_mesh(
    logs: Path, variables: Mapping[str, str] = VARIABLES, edge_port: int = 0
) -> AsyncIterator[Mesh]:
    """Has a mesh for the block, with an edge at a port where one is told."""
    asked = [*supervisor.mesh_services(supervisor.free_ports())]
    asked += [edge_service(Front(edge_port), asked[-1].address)] if edge_port else []
    services = []
    for service in asked:
        *python, module = service.command
        told = {key: value for key, value in variables.items() if key.startswith(f"{service.name.upper()}_")}
        command = (*python, "tests.fuzz.watched", str(logs / f"{service.name}.tasks"), module)
        services.append(replace(service, command=command, variables={**service.variables, **told}))
    async with supervisor.running(services, logs) as started:
        addresses = {each.service.name: each.service.address for each in started}
        for each in services:
            if "EDGE_OPERATIONS" in each.variables:  # what it is asked at otherwise is its health
                addresses[each.name] = each.variables["EDGE_OPERATIONS"]
        (addresses["operations"],) = [each.service.operations for each in started if each.service.name == "gateway"]
        yield Mesh(addresses, {each.service.name: each.child for each in started}, logs)
