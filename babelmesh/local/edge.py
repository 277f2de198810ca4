"""The edge of a local mesh: the process that serves a page for browsers, WebSocket and REST."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from babelmesh.client.errors import MeshFailed
from babelmesh.local.supervisor import HOST, Service, port_fault, unused_ports

PORT = 7780
OPTION = "--edge-port"
_MODULES = ("segno", "starlette", "uvicorn", "websockets")


def is_installed() -> bool:
    """Return whether the packages that the edge needs are installed."""
    return all(importlib.util.find_spec(module) is not None for module in _MODULES)


@dataclass(frozen=True, slots=True)
class Front:
    """Where the edge of a local mesh is served, and by which certificate; plaintext without one."""

    port: int = PORT
    host: str = HOST
    certificate: Path | None = None
    key: Path | None = None

    @property
    def link(self) -> str:
        """The address of the page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.certificate else ''}://{host}:{self.port}/"


def edge_service(front: Front, gateway: str, gateway_operations: str = "") -> Service:
    """Return the edge in front of a gateway, which also shows operators what that tells at their port, if it is named.

    Its address is that of its health. Raises MeshFailed where the port is taken.
    """
    listen = f"{front.host}:{front.port}"
    if fault := port_fault(listen):
        message = f"{listen} cannot be used for the edge: {fault} `babelmesh up {OPTION} PORT` takes another, 0 none."
        raise MeshFailed(message)
    operations, health = (f"{HOST}:{port}" for port in unused_ports(2))
    variables = {"EDGE_LISTEN": listen, "EDGE_OPERATIONS": operations, "EDGE_HEALTH": health, "EDGE_GATEWAY": gateway}
    variables["EDGE_GATEWAY_OPERATIONS"] = gateway_operations
    if front.certificate and front.key:
        variables |= {"EDGE_TLS_CERTIFICATE": str(front.certificate), "EDGE_TLS_KEY": str(front.key)}
    command = (sys.executable, "-m", "babelmesh.local.child", str(os.getpid()), "services.edge")
    return Service("edge", command, health, variables)
