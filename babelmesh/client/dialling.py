"""Opens channels to gateways: plaintext, or encrypted where an address begins with `grpcs://`."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from babelmesh.client.errors import AddressUnusable

SCHEME = "grpcs://"


@dataclass(frozen=True, slots=True)
class Dialling:
    """How to open channels: the certificate authorities that are trusted."""

    authorities: bytes | None = None  # certificates in PEM form; None: those that gRPC brings along

    def channel(self, address: str, options: Sequence[tuple[str, Any]]) -> grpc.aio.Channel:
        """Return a channel to an address; the caller must close it."""
        if not address.startswith(SCHEME):
            return grpc.aio.insecure_channel(address, options=options)
        credentials = grpc.ssl_channel_credentials(self.authorities)
        return grpc.aio.secure_channel(address.removeprefix(SCHEME), credentials, options=options)


def dialling(addresses: Sequence[str], ca: Path | None) -> Dialling:
    """Return how to reach these addresses, trusting the certificates of file `ca`. Raises AddressUnusable."""
    for each in addresses:
        scheme, separator, _ = each.partition("://")
        if separator and f"{scheme}{separator}" != SCHEME:
            raise AddressUnusable(f"{each} is not an address. Accepted: HOST:PORT in plaintext, {SCHEME}HOST:PORT.")
    if ca is None:
        return Dialling()
    plain = [each for each in addresses if not each.startswith(SCHEME)]
    if plain:
        raise AddressUnusable(f"{plain[0]} is plaintext: no certificate is looked at. Accepted: {SCHEME}{plain[0]}.")
    return Dialling(_authorities(ca))


def _authorities(ca: Path) -> bytes:
    """Return a file's certificates, checked: gRPC would report a bad one as an unreachable server."""
    try:
        found = ca.read_bytes()
    except OSError as error:
        raise AddressUnusable(f"{ca} cannot be read: {error.strerror}.") from None
    try:
        ssl.create_default_context(cadata=found.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise AddressUnusable(f"{ca} holds no certificates. Accepted: PEM (BEGIN CERTIFICATE).") from None
    return found
