"""A mesh spread over the hosts of a network: the gateway on one, a replica of every stage on each of two others."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from babelmesh.client import is_serving
from babelmesh.errors import MeshFailed
from bench.chaos.namespaces import Host, Network, network

CLIENT, GATEWAY, STAGES = "client", "gateway", ("stages-1", "stages-2")
HOSTS = (CLIENT, GATEWAY, *STAGES)  # the client's is where we are
PORTS = {"asr": 7701, "mt": 7702, "tts": 7703, "gateway": 7700}
START_SECONDS = 60.0
LOOK_SECONDS = 0.2
TAIL_LINES = 12

WORDS = 1000  # more than anybody says: each is said once

SCRIPTED: Mapping[str, str] = {
    "ASR_ENGINE": "scripted",
    "ASR_VAD": "energy",
    "ASR_SLOTS": "64",
    "ASR_SCRIPTED__TEXT": " ".join(f"word{number}" for number in range(WORDS)),
    "MT_ENGINE": "scripted",
    "MT_SLOTS": "64",
    "MT_CACHE_ENTRIES": "0",  # a call is a call, whatever it says
    "TTS_ENGINE": "scripted",
    "TTS_SLOTS": "64",
    "TTS_SCRIPTED__CHAR_MS": "8",  # short speech of long words: nobody falls behind
    "GATEWAY_SLOTS": "64",
}


@dataclass(frozen=True, slots=True)
class Spread:
    """A mesh that is up, and the network between its parts."""

    net: Network
    address: str  # the gateway's


@asynccontextmanager
async def spread_mesh(logs: Path, seed: int = 1) -> AsyncIterator[Spread]:
    """Has it ready for the block; nothing of it is left after, but the services' output in `logs`.

    Raises Refused where the machine does not allow it, and MeshFailed when a service does not start.
    """
    async with network(HOSTS, seed) as net:
        children: list[asyncio.subprocess.Process] = []
        try:
            async with asyncio.timeout(START_SECONDS):
                for host, service in _places():
                    children.append(await _start(net.hosts[host], service, _variables(net, host, service), logs))
                for child, (host, service) in zip(children, _places(), strict=True):
                    await _ready(child, _address(net, host, service), logs / f"{host}.{service}.log")
            yield Spread(net, _address(net, GATEWAY, "gateway"))
        finally:
            for child in children:
                if child.returncode is None:
                    child.kill()
                await child.wait()


def _places() -> list[tuple[str, str]]:
    return [(host, stage) for host in STAGES for stage in ("asr", "mt", "tts")] + [(GATEWAY, "gateway")]


def _address(net: Network, host: str, service: str) -> str:
    return f"{net.hosts[host].address}:{PORTS[service]}"


def _variables(net: Network, host: str, service: str) -> dict[str, str]:
    prefix = f"{service.upper()}_"
    variables = {name: value for name, value in SCRIPTED.items() if name.startswith(prefix)}
    if service == "gateway":
        for stage in ("asr", "mt", "tts"):
            replicas = ",".join(_address(net, each, stage) for each in STAGES)
            variables[f"GATEWAY_{stage.upper()}_ENDPOINTS"] = replicas
    return {**variables, f"{prefix}LISTEN": _address(net, host, service)}


async def _start(host: Host, service: str, variables: Mapping[str, str], logs: Path) -> asyncio.subprocess.Process:
    command: Sequence[str] = (sys.executable, "-m", "babelmesh.child", str(os.getpid()), f"services.{service}")
    with _opened(logs / f"{host.name}.{service}.log") as output:
        return await asyncio.create_subprocess_exec(
            *host.enter,
            *command,
            env={**os.environ, **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for us
        )


async def _ready(child: asyncio.subprocess.Process, address: str, log: Path) -> None:
    while not await is_serving(address):
        if child.returncode is not None:
            raise MeshFailed(f"A service did not start. The end of {log}:\n{_tail(log)}")
        await asyncio.sleep(LOOK_SECONDS)


def _opened(log: Path) -> BinaryIO:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("wb")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
