"""Envoy as deploy/envoy has it, in front of gateways on this machine: other addresses, the same of everything else."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import yaml

from babelmesh.client.dialling import SCHEME
from babelmesh.local.supervisor import HOST, unused_ports

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "envoy"
OWN = Path(__file__).resolve().parents[2] / ".deploy" / "bin" / "envoy"
MISSING = "Envoy is not installed: `make check-deploy` puts it into .deploy, or have the program envoy in PATH."
START_SECONDS = 30.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Host:
    """A gateway as Envoy sees it."""

    healthy: bool
    streams: int  # that are open


@dataclass(frozen=True, slots=True)
class Front:
    """An Envoy that is up."""

    address: str  # as a client takes it
    ca: Path
    admin: str
    log: Path

    async def hosts(self) -> Mapping[str, Host]:
        """The gateways by their address."""
        told = json.loads(await self._asked("/clusters?format=json"))
        return {_address(host): _host(host) for host in told["cluster_statuses"][0].get("host_statuses", ())}

    async def until(self, wanted: Callable[[Mapping[str, Host]], bool]) -> float:
        """Waits until the gateways are as wanted; the instant, on the monotonic clock. Raises TimeoutError."""
        async with asyncio.timeout(START_SECONDS):
            while not wanted(await self.hosts()):  # noqa: ASYNC110  # another program's state
                await asyncio.sleep(LOOK_SECONDS)
        return time.monotonic()

    async def begun(self) -> int:
        """How many calls it has passed on."""
        told = json.loads(await self._asked("/stats?format=json&filter=^cluster.gateways.upstream_rq_total$"))
        return int(told["stats"][0]["value"])

    def calls(self) -> list[dict[str, Any]]:
        """Its access log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    async def _asked(self, path: str) -> bytes:
        def ask() -> bytes:
            with urlopen(f"http://{self.admin}{path}", timeout=5) as answer:  # a port of our own
                return bytes(answer.read())

        return await asyncio.to_thread(ask)


def find() -> Path | None:
    """The program, from `make check-deploy` or the system."""
    found = shutil.which("envoy")
    return OWN if OWN.exists() else Path(found) if found else None


def certified(folder: Path) -> Path:
    """A folder with a key and a certificate that names this machine and signs itself, by the program openssl."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / "tls.key")
    name = ("-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{HOST},DNS:localhost")
    made = ("openssl", "req", "-x509", "-days", "2", *key, *name, "-out", folder / "tls.crt")
    subprocess.run(made, check=True, capture_output=True)
    return folder


@asynccontextmanager
async def fronted(gateways: Sequence[str], folder: Path, longest_seconds: float = 0) -> AsyncIterator[Front]:
    """Has Envoy in front of the gateways for the block, all of them healthy in its eyes.

    `longest_seconds` is how long a stream may last; 0: as long as it is shipped.
    """
    port, admin = unused_ports(2)
    tls = await asyncio.to_thread(certified, folder / "tls")
    config = retargeted(yaml.safe_load((SHIPPED / "envoy.yaml").read_text()), (port, admin), gateways, folder)
    if longest_seconds:
        _routes(config)[0]["route"]["max_stream_duration"]["max_stream_duration"] = f"{longest_seconds}s"
    (folder / "envoy.yaml").write_text(yaml.safe_dump(config))
    secrets = (SHIPPED / "sds.yaml").read_text().replace("/etc/envoy/tls", str(tls))
    (folder / "sds.yaml").write_text(secrets)
    front = Front(f"{SCHEME}{HOST}:{port}", tls / "tls.crt", f"{HOST}:{admin}", folder / "envoy.log")
    async with _running(folder / "envoy.yaml", front.log) as process:
        await _ready(process, front, len(gateways))
        yield front


@asynccontextmanager
async def _running(config: Path, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    program = find()
    if program is None:
        raise FileNotFoundError(MISSING)
    options = ("--disable-hot-restart", "--concurrency", "2", "--log-level", "warning")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            program, "--config-path", config, *options, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _ready(process: asyncio.subprocess.Process, front: Front, gateways: int) -> None:
    def all_healthy(hosts: Mapping[str, Host]) -> bool:
        return sum(host.healthy for host in hosts.values()) == gateways

    while True:
        try:
            await front.until(all_healthy)
        except OSError as error:  # its admin port is not open yet, or never will be
            if process.returncode is not None or isinstance(error, TimeoutError):
                raise RuntimeError("\n".join(front.log.read_text().splitlines()[-5:])) from None
            await asyncio.sleep(LOOK_SECONDS)
        else:
            return


def retargeted(config: Any, ports: tuple[int, int], gateways: Sequence[str], folder: Path) -> Any:
    """The shipped configuration on these ports (clients', admin's), for these gateways, with files of this folder."""
    (listener,), (cluster,) = config["static_resources"]["listeners"], config["static_resources"]["clusters"]
    for at, port in zip((listener["address"], config["admin"]["address"]), ports, strict=True):
        at["socket_address"] = {"address": HOST, "port_value": port}
    tls = listener["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]
    (secret,) = tls["tls_certificate_sds_secret_configs"]
    secret["sds_config"]["path_config_source"]["path"] = str(folder / "sds.yaml")
    (locality,) = cluster["load_assignment"]["endpoints"]
    locality["lb_endpoints"] = [{"endpoint": {"address": _socket(each)}} for each in gateways]
    return config


def _routes(config: Any) -> Any:
    (listener,) = config["static_resources"]["listeners"]
    return listener["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"]


def _socket(address: str) -> dict[str, Any]:
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


def _address(host: Mapping[str, Any]) -> str:
    at = host["address"]["socket_address"]
    return f"{at['address']}:{at['port_value']}"


def _host(host: Mapping[str, Any]) -> Host:
    streams = {stat["name"]: int(stat.get("value", 0)) for stat in host["stats"]}["rq_active"]
    failing = [name for name, value in host["health_status"].items() if value is True]
    return Host(not failing, streams)
