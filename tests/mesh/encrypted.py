"""A mesh whose ports all speak TLS, the gateway's certificate checked by the stages and theirs by the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from bench.measuring.authority import Authority, Leaf
from tests.mesh.mesh import Address, gateway_address

GATEWAY_ID = "spiffe://mesh/gateway"
RELOAD_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Keys:
    """The certificates of a mesh, all of one authority."""

    authority: Authority
    stage: Leaf
    gateway: Leaf
    operator: Leaf

    @classmethod
    def made(cls, folder: Path) -> Keys:
        authority = Authority.made(folder)
        return cls(
            authority,
            authority.leaf("stage", "DNS:stage.mesh,IP:127.0.0.1"),
            authority.leaf("gateway", f"DNS:localhost,IP:127.0.0.1,URI:{GATEWAY_ID}"),
            authority.leaf("operator", "DNS:operator.mesh"),
        )

    @property
    def stages(self) -> dict[str, Any]:
        """Settings of the stages."""
        return {
            "tls_certificate": self.stage.certificate,
            "tls_key": self.stage.key,
            "tls_client_ca": self.authority.file,
            "tls_callers": (GATEWAY_ID,),
            "tls_reload_seconds": RELOAD_SECONDS,
        }

    @property
    def of_gateway(self) -> dict[str, Any]:
        """Settings of the gateway: clients need no certificate, operators do."""
        return {
            "tls_certificate": self.gateway.certificate,
            "tls_key": self.gateway.key,
            "operations_tls_client_ca": self.authority.file,
            "operations_tls_callers": ("operator.mesh", GATEWAY_ID),
            "stages_tls_ca": self.authority.file,
            "stages_tls_certificate": self.gateway.certificate,
            "stages_tls_key": self.gateway.key,
            "tls_reload_seconds": RELOAD_SECONDS,
        }


@asynccontextmanager
async def encrypted(keys: Keys, **settings: Any) -> AsyncIterator[Address]:
    """The address of the mesh, without a scheme."""
    stages = {**keys.stages, **settings.pop("stages", {})}
    async with gateway_address(stages=stages, **{**keys.of_gateway, **settings}) as address:
        yield address


def channel(address: str, authority: Authority, leaf: Leaf | None = None, name: str = "") -> grpc.aio.Channel:
    """A connection of its own, with or without a certificate to show."""
    shown = (leaf.key.read_bytes(), leaf.certificate.read_bytes()) if leaf else (None, None)
    credentials = grpc.ssl_channel_credentials(authority.file.read_bytes(), *shown)
    options: list[tuple[str, Any]] = [("grpc.use_local_subchannel_pool", 1)]
    if name:
        options.append(("grpc.ssl_target_name_override", name))
    return grpc.aio.secure_channel(address, credentials, options=options)
