"""Who calls: the tenant that a token or a proxy names, or the address a call comes from. None is ever logged."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from services.gateway.tokens.grants import ANYONE, Grant

_IPV6_NETWORK = 64  # bits: what one subscriber has, who could call from each address of it


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a call. `tenant` is empty where neither a token nor a proxy names one."""

    tenant: str = field(default="", repr=False)
    client: str = field(default="", repr=False)  # the address without its port
    grant: Grant = field(default=ANYONE, repr=False)

    @property
    def account(self) -> str:
        """The name that the caller's slots and calls are counted under: its tenant, or its address."""
        return f"tenant {self.tenant}" if self.tenant else f"client {self.client}"


def caller(metadata: Iterable[tuple[str, str | bytes]] | None, tenant_metadata: str, peer: str) -> Caller:
    """The caller of a call, from its metadata, the key that names tenants (empty: none does), and gRPC's peer."""
    named = [value for key, value in metadata or () if key == tenant_metadata and isinstance(value, str)]
    return Caller(named[-1] if named else "", client_of(peer))


def client_of(peer: str) -> str:
    """The host of gRPC's name for a peer, `ipv4:HOST:PORT` or `ipv6:%5BHOST%5D:PORT`; of IPv6 its network.

    Other names, those of unix sockets, stand for themselves.
    """
    scheme, _, rest = unquote(peer).partition(":")
    host = rest.rpartition(":")[0].strip("[]").partition("%")[0]
    if scheme not in {"ipv4", "ipv6"}:
        return peer
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return peer
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if mapped or address.version == 4:
        return str(mapped or address)
    return str(ipaddress.ip_network((address, _IPV6_NETWORK), strict=False))
