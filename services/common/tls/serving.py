"""How a service's ports are served: in plaintext where that is asked for or stays on this machine, else over TLS."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from services.common.errors import InvalidArgument
from services.common.revoked import Revoked
from services.common.settings import ServiceSettings
from services.common.tls.kept import Kept, Shown
from services.common.tls.pems import File, Files, Pems, Role
from services.common.tls.revoked import revoked_certificates

CLIENTS, OPERATORS = "clients", "operators"


@dataclass(frozen=True, slots=True)
class Callers:
    """Who may call at a port: settings' names and values."""

    authorities: File | None  # whose certificates callers must have; None: they need none
    names: Sequence[str]  # SPIFFE ids and DNS names, one of which a certificate has to hold; empty: any certificate
    setting: str  # of the names


NOBODY = Callers(None, (), "")  # is looked at: any caller may call


@dataclass(frozen=True, slots=True)
class Serving:
    """How one port is served. `files` is None in plaintext."""

    files: Kept | None = None
    names: frozenset[str] = field(default_factory=frozenset)
    setting: str = ""  # of the names
    revoked: Revoked = field(default_factory=lambda: Revoked(None, "certificates"))  # of callers

    @property
    def looks_at_callers(self) -> bool:
        """Whether it matters which certificate a caller has shown."""
        return bool(self.names) or self.revoked.set

    def add_port(self, server: grpc.aio.Server, address: str) -> int:
        """Have a server listen on an address, and return the port that was taken."""
        if self.files is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, _credentials(self.files))


def serving(settings: ServiceSettings, stage: str, use: str, address: str, callers: Callers) -> Serving:
    """Return how a port is to be served. Raises InvalidArgument, whose field is the setting at fault."""
    certificate, key = _pair(settings)
    if certificate is None:
        _refuse_plaintext(settings, use, address, callers)
        return Serving()
    if callers.names and callers.authorities is None:
        missing = callers.setting.replace("CALLERS", "CLIENT_CA")
        raise _wrong(callers.setting, f"Callers have no names without certificates: set {missing}.")
    files = Files(Role.SERVER, certificate, key, callers.authorities)
    setting = settings.variable("tls_revoked")
    revoked = revoked_certificates(settings.tls_revoked if callers.authorities else None, setting)
    return Serving(Kept(files, Shown(stage, use)), frozenset(callers.names), callers.setting, revoked)


def for_clients(settings: ServiceSettings, stage: str) -> Serving:
    """Return how a service's own port is to be served. Raises InvalidArgument, whose field is the setting at fault."""
    callers = Callers(file_of(settings, "tls_client_ca"), settings.tls_callers, settings.variable("tls_callers"))
    return serving(settings, stage, CLIENTS, settings.listen, callers)


def file_of(settings: ServiceSettings, name: str) -> File | None:
    """Return the file that a setting names, by the field's name; None where it is not set."""
    path: Path | None = getattr(settings, name)
    return File(settings.variable(name), path) if path else None


def on_this_machine(address: str) -> bool:
    """Return whether an address, host:port, is reached from this machine alone."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


def _pair(settings: ServiceSettings) -> tuple[File | None, File | None]:
    certificate, key = (file_of(settings, name) for name in ("tls_certificate", "tls_key"))
    if (certificate is None) != (key is None):
        missing, given = ("tls_key", "tls_certificate") if certificate else ("tls_certificate", "tls_key")
        raise _wrong(settings.variable(missing), f"It goes together with {settings.variable(given)}, which is set.")
    if certificate and settings.plaintext:
        raise _wrong(settings.variable("plaintext"), f"It contradicts {certificate.setting}: unset one of them.")
    return certificate, key


def _refuse_plaintext(settings: ServiceSettings, use: str, address: str, callers: Callers) -> None:
    for setting in (callers.authorities.setting if callers.authorities else "", callers.names and callers.setting):
        if setting:
            raise _wrong(str(setting), f"It is of no use without {settings.variable('tls_certificate')}.")
    if not settings.plaintext and not on_this_machine(address):
        tls, key, plaintext = map(settings.variable, ("tls_certificate", "tls_key", "plaintext"))
        message = (
            f"The port for {use}, {address}, would be reached from other machines without TLS. "
            f"Set {tls} and {key}; or {plaintext}=true, where the network itself is to be trusted."
        )
        raise InvalidArgument("PLAINTEXT", message)


def _wrong(setting: str, message: str) -> InvalidArgument:
    return InvalidArgument("TLS_SETTING", message, setting)


def _credentials(kept: Kept) -> grpc.ServerCredentials:
    given = kept.pems

    def newest() -> grpc.ServerCertificateConfiguration | None:
        """Return what changed since it was asked last. gRPC asks at each handshake, in a thread of its own."""
        nonlocal given
        if kept.pems is given:
            return None
        given = kept.pems
        return _configuration(given)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(given),
        newest,  # type: ignore[arg-type]  # the stubs leave out that None keeps what there is
        require_client_authentication=bool(given.authorities),
    )


def _configuration(pems: Pems) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pems.key, pems.certificate)], pems.authorities or None)
