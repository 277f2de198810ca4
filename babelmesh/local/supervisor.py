"""The mesh as local processes: started together, waited for, kept alive, and stopped without a trace."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Never

from babelmesh.client.errors import MeshFailed
from babelmesh.client.mesh import is_serving
from babelmesh.local.ports import unused
from babelmesh.local.restarts import Backoff

START_SECONDS = 120.0  # loading a recognizer on a busy laptop takes its time
STOP_SECONDS = 35.0  # of each batch; a little more than a service's own drain
CHECK_SECONDS = 0.2
TAIL_LINES = 12
HOST = "127.0.0.1"
REFLECTION = "GATEWAY_CLIENT_REFLECTION"
OPERATIONS = "GATEWAY_OPERATIONS"  # the variable with the address of a gateway's port for operators


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of a local mesh's services."""

    gateway: int = 7700
    asr: int = 7701
    mt: int = 7702
    tts: int = 7703
    operations: int = 7710  # of the gateway, for those who run the mesh


@dataclass(frozen=True, slots=True)
class Service:
    """One process of a local mesh: its command, address and variables."""

    name: str
    command: Sequence[str]
    address: str
    variables: Mapping[str, str] = field(default_factory=dict)  # added to our own environment

    @property
    def operations(self) -> str:
        """The HOST:PORT at which the service reports its state: the gateway has a port of its own for that."""
        return self.variables.get(OPERATIONS, self.address)


@dataclass(frozen=True, slots=True)
class Running:
    """A service that was started, with its process and log."""

    service: Service
    child: asyncio.subprocess.Process
    log: Path


def _silent(line: str) -> None:
    """Ignore a line: the default where the caller passes no function for it."""


def free_ports() -> Ports:
    """Return five ports on which nobody listens now."""
    return Ports(*unused_ports(5))


def unused_ports(count: int) -> list[int]:
    """Return `count` distinct ports on which nobody listens now."""
    return unused(HOST, count)


def mesh_services(ports: Ports, told: Mapping[str, Mapping[str, str]] = MappingProxyType({})) -> list[Service]:
    """Return the four services, gateway last: stopped in reverse, its sessions end before their stages do.

    `told` are variables for the stages' environments, by stage.
    """
    stages = {"asr": ports.asr, "mt": ports.mt, "tts": ports.tts}
    services = [_service(name, port, told.get(name, {})) for name, port in stages.items()]
    endpoints = {f"GATEWAY_{name.upper()}_ENDPOINTS": f"{HOST}:{port}" for name, port in stages.items()}
    if "GATEWAY_RESUME_KEYS" not in os.environ:  # sessions survive a gateway that is started again
        endpoints["GATEWAY_RESUME_KEYS"] = f"mesh:{secrets.token_hex(32)}"
    endpoints[REFLECTION] = os.environ.get(REFLECTION, "true")  # on loopback, for whoever tries grpcurl or the like
    endpoints[OPERATIONS] = f"{HOST}:{ports.operations}"
    return [*services, _service("gateway", ports.gateway, endpoints)]


def environment() -> Mapping[str, str]:
    """Return our own environment's variables, which services inherit."""
    return MappingProxyType(os.environ)


def _service(name: str, port: int, variables: Mapping[str, str]) -> Service:
    command = (sys.executable, "-m", "babelmesh.local.child", str(os.getpid()), f"services.{name}")
    listen = {f"{name.upper()}_LISTEN": f"{HOST}:{port}"}
    return Service(name, command, f"{HOST}:{port}", {**variables, **listen})


@asynccontextmanager
async def local_mesh(
    services: Sequence[Service], logs: Path, ready: Callable[[str], Awaitable[bool]], tell: Callable[[str], None]
) -> AsyncIterator[Service]:
    """Run a mesh for the block, and yield its gateway. Its services are `supervised`."""
    async with supervised(services, logs, ready, tell) as started:
        yield started[-1].service


@asynccontextmanager
async def supervised(
    services: Sequence[Service],
    logs: Path,
    ready: Callable[[str], Awaitable[bool]] = is_serving,
    tell: Callable[[str], None] = _silent,
) -> AsyncIterator[list[Running]]:
    """Run services as `running`, and restart each that ends; `tell` is called with a line about it.

    The list's entries are replaced by what was started in their place. Raises MeshFailed when services are not ready
    the first time, and cuts the block short with it when one dies too often in a row without having been ready.
    """
    async with running(services, logs, ready) as started:
        try:
            async with asyncio.TaskGroup() as tasks:
                keepers = [tasks.create_task(_kept(started, place, ready, tell)) for place in range(len(started))]
                yield started
                for keeper in keepers:
                    keeper.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None


async def _kept(
    started: list[Running], place: int, ready: Callable[[str], Awaitable[bool]], tell: Callable[[str], None]
) -> Never:
    backoff = Backoff()
    while True:
        before = started[place]
        backoff = backoff.after(await _lived(before, ready))
        if backoff.hopeless:
            raise MeshFailed(_obituary(before))
        tell(f"{_end(before)} It is started again.")
        kill_group(before.child.pid)  # what it started may have outlived it, and hold its port
        await asyncio.sleep(backoff.pause_seconds)
        started[place] = await start(before.service, before.log, "ab")


async def _lived(service: Running, ready: Callable[[str], Awaitable[bool]]) -> float | None:
    """Wait for a service to end; return how many seconds it had been ready, or None when it never was."""
    loop = asyncio.get_running_loop()
    while service.child.returncode is None:
        if await ready(service.service.address):
            since = loop.time()
            await service.child.wait()
            return loop.time() - since
        with suppress(TimeoutError):
            async with asyncio.timeout(CHECK_SECONDS):
                await service.child.wait()
    return None


@asynccontextmanager
async def running(
    services: Sequence[Service], logs: Path, ready: Callable[[str], Awaitable[bool]] = is_serving
) -> AsyncIterator[list[Running]]:
    """Run the services, ready, for the block; none is left after it, however it is left.

    The services' output goes to `logs`/NAME.log. Raises MeshFailed when a port is taken, or a service ends or is not
    ready in time.
    """
    _check(services, logs)
    started: list[Running] = []
    try:
        for service in services:
            started.append(await start(service, logs / f"{service.name}.log", "wb"))
        try:
            async with asyncio.timeout(START_SECONDS):
                for each in started:
                    await _ready(each, started, ready)
        except TimeoutError:
            raise MeshFailed(f"The mesh is not ready after {START_SECONDS:.0f} s. Its logs are in {logs}.") from None
        yield started
    finally:
        await stopped(started)


async def stopped(started: Sequence[Running]) -> None:
    """Stop services and all they started: gently, the last started first; at once when cancelled meanwhile."""
    try:
        for batch in (started[-1:], started[:-1]):
            for each in batch:
                if each.child.returncode is None:
                    each.child.terminate()
            with suppress(TimeoutError):  # what is left is killed
                async with asyncio.timeout(STOP_SECONDS):
                    for each in batch:
                        await each.child.wait()
    finally:
        for each in started:
            kill_group(each.child.pid)
    for each in started:
        await each.child.wait()


def _check(services: Sequence[Service], logs: Path) -> None:
    for service in services:
        if taken := port_fault(service.address):
            raise MeshFailed(f"{service.address} cannot be used for the {service.name} service: {taken}")
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MeshFailed(f"{logs} cannot be used for logs: {error.strerror}.") from None


def port_fault(address: str) -> str:
    """Return why nothing can listen at HOST:PORT now; empty where something can."""
    host, port = address.rsplit(":", 1)
    try:
        socket.create_server((host, int(port))).close()
    except OSError as error:
        return f"{os.strerror(error.errno or 0)}. Is a mesh running already?"
    return ""


async def start(service: Service, log: Path, mode: Literal["wb", "ab"]) -> Running:
    """Start a service in a process group of its own, its output going to `log`. Raises MeshFailed."""
    try:
        with log.open(mode) as output:
            child = await asyncio.create_subprocess_exec(
                *service.command,
                env={**os.environ, **service.variables},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us; we stop the services in their order
            )
    except OSError as error:
        raise MeshFailed(f"The {service.name} service cannot be started: {error}.") from None
    return Running(service, child, log)


async def _ready(service: Running, started: Sequence[Running], ready: Callable[[str], Awaitable[bool]]) -> None:
    while not await ready(service.service.address):
        _check_alive(started)
        await asyncio.sleep(CHECK_SECONDS)


def _check_alive(started: Sequence[Running]) -> None:
    for each in started:
        if each.child.returncode is not None:
            raise MeshFailed(_obituary(each))


def _end(service: Running) -> str:
    status = service.child.returncode or 0
    how = f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"
    return f"The {service.service.name} service {how}."


def _obituary(service: Running) -> str:
    tail = _tail(service.log.read_text(errors="replace").splitlines())
    lines = [f"{_end(service)} The end of {service.log}:"]
    lines += [f"  {line}" for line in tail] or ["  (nothing)"]
    lines.append(_advice("\n".join(tail), service))
    return "\n".join(lines)


def _tail(lines: Sequence[str]) -> Sequence[str]:
    """Return the last lines of a log; of a traceback only the exception."""
    tail = lines[-TAIL_LINES:]
    if any(line.lstrip().startswith("File ") for line in tail):
        raised = max(index for index, line in enumerate(tail) if line[:1].strip() or not index)
        return tail[raised:]
    return tail


def _advice(tail: str, service: Running) -> str:
    name = service.service.name.upper()
    if service.child.returncode == -signal.SIGKILL:
        return "Somebody killed it, or this machine ran out of memory."
    if "No module named" in tail:
        return "A package is missing: `make setup` in a clone, or `pip install 'babelmesh-server[embedded]'`."
    if "is not a setting" in tail or "validation error" in tail:
        return f"Correct or unset the {name}_* variable it names, and start again."
    return f"Put right what it says, or see the service alone: `python -m {service.service.command[-1]}`."


def kill_group(group: int) -> None:
    """Kill a process group with all its processes; one that is gone already is ignored."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return  # nothing of it is left
