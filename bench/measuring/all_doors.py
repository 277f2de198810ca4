"""What stands between strangers and a mesh, for measurements of other things behind it.

The doors are TLS, mutual between processes and for operators; tokens; and quotas, shared in a Redis where one is
installed, which count everything and are large, so that what is measured is done. Masks of personal data and profanity
can be on alone. Everything is both, and an archive.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc

import babelmesh
from babelmesh.client.mesh import is_serving
from babelmesh.local.supervisor import HOST, Service, unused_ports
from bench.measuring import issuer, redis_server
from bench.measuring.encrypted import Certificates
from bench.measuring.report import Goal
from realtime.v1 import realtime_translate_pb2 as pb

DOORS, MASKS, EVERYTHING, NONE = "doors", "masks", "everything", ""
CLOSED = (DOORS, EVERYTHING)  # where nobody comes in without a key
RELOAD_SECONDS = 5.0  # as services have it unless told otherwise
TOKEN_SECONDS = 3_500  # as long as a token may last, nearly
QUOTA: Mapping[str, Any] = {
    "sessions": 10_000,
    "audio_minutes": {"day": 100_000},
    "voice_minutes": {"day": 100_000},
    "characters": {"day": 1_000_000_000},
}
TENANTS = ("acme", "canary", "stranger")


@dataclass(frozen=True, slots=True)
class Key:
    """How a client comes in. It can be written to another process, as JSON."""

    ca: str = ""  # file of the authority that is trusted; empty: plaintext
    tokens: bool = False
    masks: bool = False

    def channel(self, address: str, options: Sequence[tuple[str, Any]] = ()) -> grpc.aio.Channel:
        """Return a connection to a gateway; whoever asks closes it."""
        if not self.ca:
            return grpc.aio.insecure_channel(address, options=list(options))
        credentials = grpc.ssl_channel_credentials(Path(self.ca).read_bytes())
        return grpc.aio.secure_channel(address, credentials, options=list(options))

    def token(self, tenant: str) -> str:
        """Return a fresh token of a tenant."""
        return issuer.token("HS256", tenant=tenant, exp=issuer.claims()["iat"] + TOKEN_SECONDS)

    def metadata(self, tenant: str) -> tuple[tuple[str, str], ...]:
        """Return what a call of a tenant carries: its token, or nothing."""
        return issuer.bearer(self.token(tenant)) if self.tokens else ()

    def agreed(self, config: pb.SessionConfig) -> None:
        """Have a hello ask for masks, where they are on."""
        if self.masks:
            config.mask_pii = config.mask_profanity = True

    def as_json(self) -> dict[str, Any]:
        """Return what another process makes the same key of."""
        return asdict(self)


NO_KEY = Key()


@dataclass(slots=True)
class Doors:
    """The doors of one mesh: what its services are told, and how clients and operators come in."""

    name: str = NONE  # by which its goals are told from those of a mesh without doors
    key: Key = NO_KEY
    gateway: Mapping[str, str] = field(default_factory=dict)  # settings of gateways
    certificates: Certificates | None = None
    _health: dict[str, str] = field(default_factory=dict)  # of each service, by its address

    def behind(self, service: Service) -> Service:
        """Return a service behind the doors, with a port of its own for probes where it speaks TLS."""
        kind = str(service.command[-1]).rpartition(".")[2]
        own = dict(self.gateway) if kind == "gateway" else {}
        if self.certificates:
            (port,) = unused_ports(1)
            health = f"{HOST}:{port}"
            self._health[service.address] = health
            told = self.certificates.variables(dict.fromkeys(("gateway", "asr", "mt", "tts"), health))
            own |= {name: value for name, value in told.items() if name.startswith(f"{kind.upper()}_")}
        return replace(service, variables={**service.variables, **own})

    async def ready(self, address: str) -> bool:
        """Return whether the service at an address is ready."""
        return await is_serving(self._health.get(address, address))

    def operator(self, address: str) -> grpc.aio.Channel:
        """Return a connection to where a service tells its state; whoever asks closes it."""
        if self.certificates is None:
            return grpc.aio.insecure_channel(address)
        leaf, trusted = self.certificates.leaves["gateway"], self.certificates.trusted
        pems = (each.read_bytes() for each in (trusted, leaf.key, leaf.certificate))
        return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(*pems))

    @asynccontextmanager
    async def connected(self, addresses: str, tenant: str = "acme") -> AsyncIterator[babelmesh.Mesh]:
        """Provide a client's connection, whose tokens are renewed."""
        token = (lambda: self.key.token(tenant)) if self.key.tokens else None
        tls = babelmesh.Tls(Path(self.key.ca)) if self.key.ca else None
        async with babelmesh.connect(self.scheme(addresses), tls, token) as mesh:
            yield mesh

    def scheme(self, addresses: str) -> str:
        """Return addresses as our client takes them."""
        return ",".join(f"grpcs://{each}" if self.key.ca else each for each in addresses.split(","))

    def file(self, name: str) -> str:
        """Return the name of a report's file: one for each kind of doors."""
        return f"{name}-{self.name}" if self.name else name

    def goals(self, goals: Mapping[str, Goal], only: str = "") -> dict[str, Goal]:
        """Return goals by names of their own (S1.doors.ended), of `only` where that is told."""
        if not self.name:
            return dict(goals)
        parted = ((name.partition("."), goal) for name, goal in goals.items())
        return {f"{id_}.{self.name}.{rest}": goal for (id_, _, rest), goal in parted if only in (id_, "")}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--doors`, `--masks` and `--everything` to a command line; `args.doors` is the name for `doors`."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--doors", action="store_const", const=DOORS, default=NONE, help="with TLS, tokens, quotas on")
    either.add_argument("--masks", dest="doors", action="store_const", const=MASKS, help="with masks on")
    help_all = "with TLS, tokens, quotas, masks and an archive on"
    either.add_argument("--everything", dest="doors", action="store_const", const=EVERYTHING, help=help_all)


@asynccontextmanager
async def doors(name: str) -> AsyncIterator[Doors]:
    """Provide the doors of a name for the block."""
    if name not in CLOSED:
        yield Doors(name, Key(masks=name == MASKS))
        return
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="babelmesh-all-doors-")))
        certificates = await asyncio.to_thread(Certificates.made, folder, RELOAD_SECONDS)
        everything = name == EVERYTHING
        told = _told(folder) | (_archived(folder) if everything else {})
        if redis_server.PROGRAM:
            server = await stack.enter_async_context(redis_server.redis_server(folder))
            told["quotas_url"] = server.url
        gateway = {f"GATEWAY_{setting.upper()}": value for setting, value in told.items()}
        yield Doors(name, Key(str(certificates.trusted), tokens=True, masks=everything), gateway, certificates)


def _told(folder: Path) -> dict[str, str]:
    """Write what a gateway reads, and return its settings: tokens and quotas."""
    secret, quotas = folder / "token.secret", folder / "quotas.json"
    secret.write_text(f"HS256:{issuer.SECRET}\n")
    quotas.write_text(json.dumps({"default": QUOTA}))
    return {"tokens_secrets": str(secret), "tokens_issuer": issuer.ISSUER, "quotas": str(quotas)}


def _archived(folder: Path) -> dict[str, str]:
    """Make the keys of an archive, and return a gateway's settings of it."""
    keys = folder / "keys"
    keys.mkdir()
    for tenant in TENANTS:
        key = keys / f"{tenant}.key"
        key.write_text(secrets.token_hex(32))
        key.chmod(0o600)
    return {
        "archive": str(folder / "archive"),
        "archive_secret": secrets.token_hex(32),
        "archive_keys": str(keys),
    }
