"""Where the replicas of a stage are: fixed addresses, and names that are looked up again and again.

gRPC looks a name up only when a connection drops, and then keeps to one address: a replica that was added would get no
call.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from services.common.tls.calling import PLAIN, Dial
from services.gateway.settings import SCHEME
from services.gateway.stages.links import ReplicaPlace

log = logging.getLogger(__name__)
Lookup: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]


async def system_lookup(name: str, port: int) -> Sequence[str]:
    """The addresses of a name, host:port each, as the system resolves it. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    hosts = [str(where[0]) for _, _, _, _, where in found]
    return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in hosts]


class Addresses:
    """The addresses behind endpoints, as far as known. A lookup that fails changes nothing."""

    def __init__(
        self, endpoints: Sequence[str], lookup: Lookup = system_lookup, tls_name: str = "", dial: Dial = PLAIN
    ) -> None:
        self._known: dict[str, Sequence[str]] = {each: () if each.startswith(SCHEME) else (each,) for each in endpoints}
        self._lookup = lookup
        self._tls_name = tls_name
        self._dial = dial

    def place(self, stage: str, address: str) -> ReplicaPlace:
        """The replica of a stage at one of the addresses, as it is called.

        Its certificate has to hold the name that is set for all, or the host of its endpoint.
        """
        behind = (each for each, known in self._known.items() if address in known)
        endpoint = next(behind, address).removeprefix(SCHEME)
        return ReplicaPlace(stage, address, self._tls_name or endpoint.rpartition(":")[0].strip("[]"), self._dial)

    @property
    def may_change(self) -> bool:
        """Whether there are names among the endpoints, whose addresses may change."""
        return any(each.startswith(SCHEME) for each in self._known)

    async def look_up(self) -> list[str]:
        """Looks the names up; all addresses, each once, in the order of the endpoints."""
        for number, each in enumerate(self._known, 1):
            if each.startswith(SCHEME):
                name, _, port = each.removeprefix(SCHEME).rpartition(":")
                try:
                    self._known[each] = await self._lookup(name.strip("[]"), int(port)) or self._known[each]
                except OSError as error:  # the name server may be away; the replicas are watched one by one
                    log.warning("name not found", extra={"fields": {"endpoint": number, "error": error.errno}})
        return list(dict.fromkeys(found for known in self._known.values() for found in known))
