"""The edge of a local mesh: the process that serves a page for browsers, WebSocket and REST."""

from __future__ import annotations

import importlib.util
import os
import sys

from babelmesh.client.errors import MeshFailed
from babelmesh.local.supervisor import HOST, Service, port_fault, unused_ports

PORT = 7780
OPTION = "--edge-port"
_MODULES = ("starlette", "uvicorn", "websockets")


def is_installed() -> bool:
    """Return whether the packages that the edge needs are installed."""
    return all(importlib.util.find_spec(module) is not None for module in _MODULES)


def edge_service(port: int, gateway: str) -> Service:
    """Return the edge in front of a gateway; its address is that of its operators. Raises MeshFailed where the port
    is taken.
    """
    listen = f"{HOST}:{port}"
    if fault := port_fault(listen):
        message = f"{listen} cannot be used for the edge: {fault} `babelmesh up {OPTION} PORT` takes another, 0 none."
        raise MeshFailed(message)
    operations = f"{HOST}:{unused_ports(1)[0]}"
    variables = {"EDGE_LISTEN": listen, "EDGE_OPERATIONS": operations, "EDGE_GATEWAY": gateway}
    command = (sys.executable, "-m", "babelmesh.local.child", str(os.getpid()), "services.edge")
    return Service("edge", command, operations, variables)
