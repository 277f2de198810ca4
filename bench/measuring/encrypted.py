"""A local mesh whose every connection is TLS, mutual between its processes, with certificates that can be replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import babelmesh
from babelmesh.client.mesh import is_serving
from babelmesh.local import supervisor
from bench.measuring.authority import Authority, Leaf, swap
from bench.measuring.processes import SERVICES, LocalMesh, Variables, local_mesh

RELOAD_SECONDS = 0.2
GATEWAY, STAGE = "spiffe://bench/gateway", "spiffe://bench/stage"
_HOLDS = {"gateway": f"DNS:localhost,IP:127.0.0.1,URI:{GATEWAY}", "stage": f"DNS:localhost,IP:127.0.0.1,URI:{STAGE}"}


@dataclass(slots=True)
class Certificates:
    """The files that a mesh reads, and the authority that signed what is in them now."""

    folder: Path
    authority: Authority
    leaves: Mapping[str, Leaf]
    trusted: Path  # whom processes and clients trust
    reload_seconds: float

    @classmethod
    def made(cls, folder: Path, reload_seconds: float = RELOAD_SECONDS) -> Certificates:
        """Return the first ones, whose files are looked at every so many seconds."""
        authority = Authority.made(folder / "0")
        trusted = folder / "trusted.crt"
        swap(trusted, authority.file.read_bytes())
        leaves = {name: Leaf(folder / f"{name}.crt", folder / f"{name}.key") for name in _HOLDS}
        made = cls(folder, authority, leaves, trusted, reload_seconds)
        made.sign()
        return made

    def sign(self) -> None:
        """Put certificates that the authority signs now into the files."""
        for name, leaf in self.leaves.items():
            leaf.replace(self.authority.leaf(name, _HOLDS[name]))

    def trust(self, *authorities: Authority) -> None:
        """Have these authorities trusted, and no others."""
        swap(self.trusted, b"".join(each.file.read_bytes() for each in authorities))

    def client(self) -> babelmesh.Tls:
        """Return how a client speaks TLS that trusts whom the processes do."""
        return babelmesh.Tls(self.trusted)

    def variables(self, health: Mapping[str, str]) -> Variables:
        """Return the services' settings; `health` are addresses for probes, by service."""
        found: dict[str, str] = {}
        for service in SERVICES:
            leaf = self.leaves["gateway" if service == "gateway" else "stage"]
            own = {
                "TLS_CERTIFICATE": leaf.certificate,
                "TLS_KEY": leaf.key,
                "TLS_RELOAD_SECONDS": self.reload_seconds,
                "HEALTH": health[service],
            }
            if service == "gateway":
                own |= {"STAGES_TLS_CA": self.trusted, "STAGES_TLS_CERTIFICATE": leaf.certificate}
                own |= {"STAGES_TLS_KEY": leaf.key, "OPERATIONS_TLS_CLIENT_CA": self.trusted}
            else:
                own |= {"TLS_CLIENT_CA": self.trusted, "TLS_CALLERS": GATEWAY}
            found |= {f"{service.upper()}_{name}": str(value) for name, value in own.items()}
        return found


@asynccontextmanager
async def encrypted_mesh(certificates: Certificates, variables: Variables) -> AsyncIterator[LocalMesh]:
    """Has a mesh for the block, as `local_mesh` does; its address begins with grpcs://."""
    ports = supervisor.unused_ports(len(SERVICES))
    health = {service: f"{supervisor.HOST}:{port}" for service, port in zip(SERVICES, ports, strict=True)}

    async def ready(service: str) -> bool:
        return await is_serving(health[service])

    async with local_mesh({**variables, **certificates.variables(health)}, probe=ready) as mesh:
        yield replace(mesh, address=f"grpcs://{mesh.address}")
