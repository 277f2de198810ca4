"""The mesh under measurement: four local processes on free ports, and what they use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from babelmesh.client.mesh import is_serving
from babelmesh.local import supervisor
from bench.measuring import checkouts

SERVICES = ("gateway", "asr", "mt", "tts")
SAMPLE_SECONDS = 0.25

Variables = Mapping[str, str]

SCRIPTED: Variables = {"ASR_ENGINE": "scripted", "MT_ENGINE": "scripted", "TTS_ENGINE": "scripted"}


@dataclass(frozen=True, slots=True)
class LocalMesh:
    """A mesh that is ready, with the process of each service."""

    address: str
    processes: Mapping[str, psutil.Process]


@asynccontextmanager
async def local_mesh(
    variables: Variables | None = None,
    checkout: Path | None = None,
    probe: Callable[[str], Awaitable[bool]] | None = None,
) -> AsyncIterator[LocalMesh]:
    """Has a mesh for the block, its services told `variables` as well; of another checkout, where one is named.

    `probe` says whether a service is ready, by its name, where its port cannot be asked in plaintext. There is no cache
    of translations: what is measured says the same again and again.
    """
    told = {"MT_CACHE_ENTRIES": "0", **(variables or {})}
    ports = supervisor.free_ports()
    services = [
        replace(service, variables={**service.variables, **_own(service.name, told)})
        for service in checkouts.of(checkout, supervisor.mesh_services(ports))
    ]
    with TemporaryDirectory(prefix="babelmesh-bench-") as logs:
        names = {service.address: service.name for service in services}
        ready = (lambda address: probe(names[address])) if probe else is_serving
        async with supervisor.running(services, Path(logs), ready) as started:
            processes = {each.service.name: psutil.Process(each.child.pid) for each in started}
            yield LocalMesh(f"127.0.0.1:{ports.gateway}", processes)


def _own(service: str, variables: Variables) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.startswith((f"{service.upper()}_", "OTEL_"))}


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a service holds, its children included.

    Resident memory counts what processes share (libraries, dictionaries) for each of them; the proportional share
    counts it once, and is what can be added up.
    """

    threads: int
    children: int
    files: int
    rss_mib: float
    pss_mib: float


def inventory(process: psutil.Process) -> Inventory:
    """What a service holds now. Files are its own; the rest counts its children too."""
    family = _family(process)
    return Inventory(
        threads=round(_sum(family, psutil.Process.num_threads)),
        children=len(family) - 1,
        files=process.num_fds(),
        rss_mib=_sum(family, lambda each: each.memory_info().rss) / 2**20,
        pss_mib=_sum(family, lambda each: each.memory_full_info().pss) / 2**20,
    )


@dataclass(slots=True)
class Usage:
    """Processor time and peak memory of each service over a block."""

    cpu_seconds: dict[str, float] = field(default_factory=dict)
    peak_rss_mib: dict[str, float] = field(default_factory=dict)
    peak_pss_mib: dict[str, float] = field(default_factory=dict)


@asynccontextmanager
async def metered(mesh: LocalMesh) -> AsyncIterator[Usage]:
    """Measures the block; the result is complete once the block is left."""
    usage = Usage()
    before = {name: _cpu_seconds(process) for name, process in mesh.processes.items()}
    async with asyncio.TaskGroup() as group:
        sampling = group.create_task(_sample(mesh, usage))
        yield usage
        sampling.cancel()
    for name, process in mesh.processes.items():
        usage.cpu_seconds[name] = _cpu_seconds(process) - before[name]


async def _sample(mesh: LocalMesh, usage: Usage) -> None:
    while True:
        for name, process in mesh.processes.items():
            held = inventory(process)
            usage.peak_rss_mib[name] = max(usage.peak_rss_mib.get(name, 0.0), held.rss_mib)
            usage.peak_pss_mib[name] = max(usage.peak_pss_mib.get(name, 0.0), held.pss_mib)
        await asyncio.sleep(SAMPLE_SECONDS)


def _cpu_seconds(process: psutil.Process) -> float:
    """Of the process, of its children that run, and of those it has seen end."""
    own = process.cpu_times()
    ended = own.children_user + own.children_system
    return ended + _sum(_family(process), lambda each: each.cpu_times().user + each.cpu_times().system)


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _sum(family: Sequence[psutil.Process], of: Callable[[psutil.Process], float]) -> float:
    total = 0.0
    for each in family:
        with suppress(psutil.NoSuchProcess):  # a child may end while it is looked at
            total += of(each)
    return total
