"""How channels to gateways are opened: in plaintext, or encrypted where an address begins with `grpcs://`."""

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
    """Whom to believe that they are the host an address names."""

    authorities: bytes | None = None  # certificates in PEM form; None: those that gRPC brings along

    def channel(self, address: str, options: Sequence[tuple[str, Any]]) -> grpc.aio.Channel:
        """A channel to an address; whoever asked for it closes it."""
        if not address.startswith(SCHEME):
            return grpc.aio.insecure_channel(address, options=options)
        credentials = grpc.ssl_channel_credentials(self.authorities)
        return grpc.aio.secure_channel(address.removeprefix(SCHEME), credentials, options=options)


def dialling(addresses: Sequence[str], ca: Path | None) -> Dialling:
    """For these addresses, with the file of certificates that is trusted there. Raises AddressUnusable."""
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
    """A file's certificates, looked at: gRPC would take a bad one for a server that is not there."""
    try:
        found = ca.read_bytes()
    except OSError as error:
        raise AddressUnusable(f"{ca} cannot be read: {error.strerror}.") from None
    try:
        ssl.create_default_context(cadata=found.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise AddressUnusable(f"{ca} holds no certificates. Accepted: PEM (BEGIN CERTIFICATE).") from None
    return found
