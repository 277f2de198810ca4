"""Reads the files of a certificate, its key and the trusted authorities, and checks them before gRPC gets them.

gRPC would report a bad file as a peer that cannot be reached. Here the setting is named that holds it.
"""

from __future__ import annotations

import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from services.common.errors import InvalidArgument

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which Python does not name
_EDWARDS = b"wBQYDK2V"  # in the PEM of every key of Ed25519 or Ed448: its algorithm, as base64
_FLIGHTS = 4  # a handshake in memory is over by then
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class Role(Enum):
    """What a certificate is shown for."""

    SERVER = auto()
    CLIENT = auto()


@dataclass(frozen=True, slots=True)
class File:
    """A file, and the setting that names it."""

    setting: str
    path: Path


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one end of connections: a certificate with its key, or authorities to trust, or all three."""

    role: Role
    certificate: File | None = None
    key: File | None = None
    authorities: File | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files' paths."""
        return tuple(each.path for each in (self.certificate, self.key, self.authorities) if each)


@dataclass(frozen=True, slots=True)
class Pems:
    """What the files held, checked; empty without the file. Times are seconds since 1970, infinite without a
    certificate.
    """

    certificate: bytes
    key: bytes
    authorities: bytes
    certificate_ends: float
    authorities_end: float  # when the last of them does


def read(files: Files) -> Pems:
    """Read and check the files. Raises InvalidArgument, whose field is the setting at fault."""
    before = _contents(files)
    ends = authorities_end = float("inf")
    if files.authorities:
        authorities_end = _trusted_until(files.authorities, before[files.authorities.path])
    if files.certificate and files.key:
        ends = _shown_until(files.certificate, files.key, files.role, before[files.certificate.path])
    if _contents(files) != before:
        raise _unusable(files.key or files.authorities, "The files change while they are read.")
    certificate, key, authorities = (
        before[each.path] if each else b"" for each in (files.certificate, files.key, files.authorities)
    )
    return Pems(certificate, key, authorities, ends, authorities_end)


def _contents(files: Files) -> dict[Path, bytes]:
    found = {}
    for each in (files.certificate, files.key, files.authorities):
        if each:
            found[each.path] = _contents_of(each)
    return found


def _contents_of(file: File) -> bytes:
    try:
        return file.path.read_bytes()
    except OSError as error:
        raise _unusable(file, f"{file.path} cannot be read: {error.strerror}.") from error


def _trusted_until(file: File, pem: bytes) -> float:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _load(context, file, pem)
    ends = [ssl.cert_time_to_seconds(str(each["notAfter"])) for each in context.get_ca_certs()]
    if ends and max(ends) <= time.time():
        raise _unusable(file, f"All certificates in {file.path} have expired.")
    return max(ends, default=float("inf"))


def _load(context: ssl.SSLContext, file: File, pem: bytes) -> None:
    """Have a context trust the certificates of a file: all of them, or it is refused as half written."""
    text = pem.decode("ascii", errors="replace")
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise _unusable(file, f"{file.path} holds no certificates. Accepted: PEM (BEGIN CERTIFICATE).") from error
    if text.count(_BEGIN) != text.count(_END):
        raise _unusable(file, f"{file.path} ends within a certificate.")


def _shown_until(certificate: File, key: File, role: Role, pem: bytes) -> float:
    """Return when a certificate expires, after a handshake in memory in which its peer is shown it."""
    trusting, showing = _contexts(role)
    _load(trusting, certificate, pem)
    for context in (showing, trusting) if role is Role.CLIENT else (showing,):  # a server always shows one
        try:
            context.load_cert_chain(certificate.path, key.path, password="")
        except ssl.SSLError as error:
            mismatch = error.reason == "KEY_VALUES_MISMATCH"
            why = f"is not the key of {certificate.setting}" if mismatch else "holds no key. Accepted: PEM, unencrypted"
            raise _unusable(key, f"{key.path} {why}.") from error
        except OSError as error:  # it went away since it was read
            raise _unusable(key, f"{key.path} cannot be read: {error.strerror}.") from error
    if _EDWARDS in _contents_of(key):
        raise _unusable(key, f"{key.path} is a key of Ed25519, which gRPC cannot use. Accepted: ECDSA P-256, RSA.")
    shown = _handshake(trusting, showing, role, certificate)
    if ssl.cert_time_to_seconds(str(shown["notAfter"])) <= time.time():
        raise _unusable(certificate, f"The certificate in {certificate.path} expired on {shown['notAfter']}.")
    if ssl.cert_time_to_seconds(str(shown["notBefore"])) > time.time():
        raise _unusable(certificate, f"The certificate in {certificate.path} is valid from {shown['notBefore']} on.")
    return ssl.cert_time_to_seconds(str(shown["notAfter"]))


def _contexts(role: Role) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a context that looks at a certificate, whoever signed it, and one that shows it."""
    client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    trusting, showing = (client, server) if role is Role.SERVER else (server, client)
    trusting.verify_mode = ssl.CERT_REQUIRED
    trusting.verify_flags = ssl.VerifyFlags(ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME)
    return trusting, showing


def _handshake(trusting: ssl.SSLContext, showing: ssl.SSLContext, role: Role, file: File) -> dict[str, object]:
    first, second = ssl.MemoryBIO(), ssl.MemoryBIO()
    looks = trusting.wrap_bio(first, second, server_side=role is Role.CLIENT)
    shows = showing.wrap_bio(second, first, server_side=role is Role.SERVER)
    try:
        for _ in range(_FLIGHTS):
            for end in (looks, shows):
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
        return dict(looks.getpeercert() or {})
    except (ssl.SSLError, ValueError) as error:
        of = "a server" if role is Role.SERVER else "a client"
        reason = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)
        raise _unusable(file, f"The certificate in {file.path} cannot be {of}'s: {reason}.") from error


def _unusable(file: File | None, message: str) -> InvalidArgument:
    return InvalidArgument("TLS_FILE_UNUSABLE", message, file.setting if file else "")
