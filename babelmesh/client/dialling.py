"""Opens channels to gateways: plaintext, or encrypted where an address begins with `grpcs://`."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from babelmesh.client.errors import AddressUnusable

SCHEME = "grpcs://"


@dataclass(frozen=True, slots=True)
class Tls:
    """How to speak TLS at addresses that begin with `grpcs://`. All files are PEM.

    `ca` holds the authorities that are trusted, instead of those that gRPC brings along. `certificate` and `key` are
    shown to servers that ask for them; the key is not encrypted. `name` is what a server's certificate has to hold,
    where that is not the address' host. Files are read again for each new connection, such as one that a session is
    resumed over: they may be replaced at any time.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Pems:
    """What the files of a `Tls` hold, checked."""

    authorities: bytes | None = None  # None: those that gRPC brings along
    certificate: bytes | None = None
    key: bytes | None = None


class Dialling:
    """How to open channels: each with what the files hold then, or held last where they are of no use by then."""

    def __init__(self, tls: Tls | None = None) -> None:
        """Read the files. Raises AddressUnusable."""
        self._tls = tls or Tls()
        self._pems = _read_all(self._tls)

    def channel(self, address: str, options: Sequence[tuple[str, Any]]) -> grpc.aio.Channel:
        """Return a channel to an address; the caller must close it."""
        if not address.startswith(SCHEME):
            return grpc.aio.insecure_channel(address, options=options)
        with suppress(AddressUnusable):  # files that are being replaced
            self._pems = _read_all(self._tls)
        pems = self._pems
        credentials = grpc.ssl_channel_credentials(pems.authorities, pems.key, pems.certificate)
        named = [("grpc.ssl_target_name_override", self._tls.name)] if self._tls.name else []
        return grpc.aio.secure_channel(address.removeprefix(SCHEME), credentials, options=[*options, *named])


def dialling(addresses: Sequence[str], tls: Tls | None) -> Dialling:
    """Return how to reach these addresses. Raises AddressUnusable."""
    for each in addresses:
        scheme, separator, _ = each.partition("://")
        if separator and f"{scheme}{separator}" != SCHEME:
            raise AddressUnusable(f"{each} is not an address. Accepted: HOST:PORT in plaintext, {SCHEME}HOST:PORT.")
    if tls is None or tls == Tls():
        return PLAIN
    plain = [each for each in addresses if not each.startswith(SCHEME)]
    if plain:
        raise AddressUnusable(f"{plain[0]} is plaintext: no certificate is looked at. Accepted: {SCHEME}{plain[0]}.")
    return Dialling(tls)


def _read_all(tls: Tls) -> _Pems:
    if (tls.certificate is None) != (tls.key is None):
        raise AddressUnusable("A certificate and its key go together: one of them is missing.")
    authorities = _authorities(tls.ca) if tls.ca else None
    if tls.certificate is None or tls.key is None:
        return _Pems(authorities)
    return _Pems(authorities, *_pair(tls.certificate, tls.key))


def _authorities(ca: Path) -> bytes:
    """Return a file's certificates, checked: gRPC would report a bad one as an unreachable server."""
    found = _read(ca)
    try:
        ssl.create_default_context(cadata=found.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise AddressUnusable(f"{ca} holds no certificates. Accepted: PEM (BEGIN CERTIFICATE).") from None
    return found


def _pair(certificate: Path, key: Path) -> tuple[bytes, bytes]:
    """Return a certificate and its key, checked."""
    found = _authorities(certificate), _read(key)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        wrong = f"is not the key of {certificate}" if error.reason == "KEY_VALUES_MISMATCH" else "holds no key"
        raise AddressUnusable(f"{key} {wrong}. Accepted: PEM, not encrypted.") from None
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise AddressUnusable(f"{path} cannot be read: {error.strerror}.") from None


PLAIN = Dialling()  # in plaintext, and by TLS to whom gRPC trusts
