"""The mesh that harm is done to: supervised processes of this checkout or of another, and what each of them used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import psutil

from babelmesh.local import supervisor
from babelmesh.local.supervisor import Running, Service
from bench.hostile.canary import TENANT
from bench.measuring import checkouts
from bench.measuring.all_doors import Doors
from bench.measuring.processes import SCRIPTED
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc

SERVICES = ("gateway", "asr", "mt", "tts")
ANSWER_SECONDS = 2.0
LOOK_SECONDS = 0.1
UNKNOWN = 10**6  # slots of a service that does not answer
PEAK = "5"  # proc(5), clear_refs: the peak of resident memory starts again from what is resident

VARIABLES: Mapping[str, str] = {**SCRIPTED, "GATEWAY_TENANT_METADATA": TENANT}


@dataclass(slots=True)
class Use:
    """What the processes of a mesh used over a case."""

    cpu_seconds: dict[str, float] = field(default_factory=dict)
    peak_mib: dict[str, float] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    slots_left: dict[str, int] = field(default_factory=dict)  # of services that still have some in use


class Attacked:
    """A mesh that is up, or is started again after one of its processes ended."""

    def __init__(self, started: Sequence[Running], ended: list[str], doors: Doors) -> None:
        self.ended = ended  # a sentence for each process that ended
        self.doors = doors
        self._started = started

    @property
    def addresses(self) -> dict[str, str]:
        """Where each service listens."""
        return {each.service.name: each.service.address for each in self._started}

    def _state_of(self, name: str) -> str:
        """Where a service says how it is: the gateway does on a port for operators, or did on its own."""
        (service,) = [each.service for each in self._started if each.service.name == name]
        return service.operations

    def pids(self) -> dict[str, int]:
        """The process of each service now."""
        return {each.service.name: each.child.pid for each in self._started}

    @asynccontextmanager
    async def used(self) -> AsyncIterator[Use]:
        """Measures the block; complete once the block is left."""
        use, before, deaths = Use(), _cpu(self.pids()), len(self.ended)
        for pid in self.pids().values():
            with suppress(OSError):  # the kernel may not have it: then the peak is that of its whole life
                await asyncio.to_thread(Path(f"/proc/{pid}/clear_refs").write_text, PEAK)
        yield use
        after = _cpu(self.pids())
        for (name, pid), seconds in after.items():
            use.cpu_seconds[name] = seconds - before.get((name, pid), 0.0)
            use.peak_mib[name] = _peak_mib(pid)
        use.ended = self.ended[deaths:]

    async def slots_left(self, own: int, seconds: float) -> dict[str, int]:
        """Slots that are in use beyond the gateway's `own`, once they have had so many seconds to come back."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        least = dict.fromkeys(SERVICES, UNKNOWN)
        while clock() < until:
            for name in SERVICES:
                least[name] = min(least[name], await self._slots(name) - (own if name == "gateway" else 0))
            if max(least.values()) <= 0:
                return {}
            await asyncio.sleep(LOOK_SECONDS)
        return {name: left for name, left in least.items() if 0 < left < UNKNOWN}

    async def _slots(self, name: str) -> int:
        async with self.doors.operator(self._state_of(name)) as channel:
            call = stage_pb2_grpc.StageStub(channel).Watch(stage_pb2.WatchRequest(), timeout=ANSWER_SECONDS)
            try:
                async for told in call:
                    return int(told.slots_used)
            except grpc.aio.AioRpcError:
                pass  # it is being started again
            finally:
                call.cancel()
        return UNKNOWN


@asynccontextmanager
async def attacked(project: Path | None, behind: Doors) -> AsyncIterator[Attacked]:
    """Has a mesh on scripted engines for the block, of the checkout that is told, behind doors."""
    ports = supervisor.free_ports()
    told = SCRIPTED if behind.key.tokens else VARIABLES  # a tenant is told by its token, or by metadata
    meant = (_scripted(service, told) for service in checkouts.of(project, supervisor.mesh_services(ports)))
    services = [behind.behind(service) for service in meant]
    ended: list[str] = []
    with TemporaryDirectory(prefix="babelmesh-hostile-") as logs:
        async with supervisor.supervised(services, Path(logs), behind.ready, ended.append) as started:
            yield Attacked(started, ended, behind)


def _scripted(service: Service, told: Mapping[str, str]) -> Service:
    prefix = f"{service.name.upper()}_"
    own = {key: value for key, value in told.items() if key.startswith(prefix)}
    return replace(service, variables={**service.variables, **own})


def _cpu(pids: Mapping[str, int]) -> dict[tuple[str, int], float]:
    """Processor seconds of each process, by service and id."""
    seconds = {}
    for name, pid in pids.items():
        with suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            seconds[name, pid] = times.user + times.system
    return seconds


def _peak_mib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) / 1024 if lines else 0.0
