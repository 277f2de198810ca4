"""Services of a local mesh that speak TLS, by certificates in our own environment: another port tells their health."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from babelmesh.client.mesh import is_serving
from babelmesh.local.supervisor import HOST, Service, environment, unused_ports

SCHEME = "grpcs://"


def encrypted(service: Service) -> bool:
    """Return whether a service speaks TLS."""
    return bool(_told(service, "TLS_CERTIFICATE"))


def reached_at(service: Service) -> str:
    """Return a service's address as clients take it."""
    return f"{SCHEME}{service.address}" if encrypted(service) else service.address


def probed(services: Sequence[Service]) -> list[Service]:
    """Return the services, those that speak TLS with a port for probes, which speak none."""
    return [_with_health(each) if encrypted(each) else each for each in services]


def asking(services: Sequence[Service]) -> Callable[[str], Awaitable[bool]]:
    """Return a function that tells whether the service at an address is ready."""
    probes = {each.address: _told(each, "HEALTH") or each.address for each in services}
    return lambda address: is_serving(probes[address])


def _with_health(service: Service) -> Service:
    if _told(service, "HEALTH"):
        return service
    (port,) = unused_ports(1)
    health = {f"{service.name.upper()}_HEALTH": f"{HOST}:{port}"}
    return replace(service, variables={**service.variables, **health})


def _told(service: Service, setting: str) -> str:
    name = f"{service.name.upper()}_{setting}"
    return service.variables.get(name, environment().get(name, ""))
