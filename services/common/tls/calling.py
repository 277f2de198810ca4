"""How other services are called: in plaintext where that is asked for or stays on this machine, else over TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Self

import grpc

from services.common.errors import InvalidArgument
from services.common.grpc_options import Options
from services.common.settings import CallerSettings
from services.common.tls.kept import Kept, Shown
from services.common.tls.pems import Files, Role
from services.common.tls.serving import file_of, on_this_machine

STAGES = "stages"


class Dial:
    """Opens channels, each with the newest certificates. A channel that is open keeps those it was opened with."""

    def __init__(self, files: Kept | None = None, reload_seconds: float = 0) -> None:
        self._files = files
        self._reload_seconds = reload_seconds

    @classmethod
    def of(cls, settings: CallerSettings, stage: str, endpoints: Iterable[str]) -> Self:
        """Return how to call these endpoints, host:port each. Raises InvalidArgument, whose field is the setting."""
        certificate, key, authorities = (
            file_of(settings, f"stages_tls_{name}") for name in ("certificate", "key", "ca")
        )
        variable = settings.variable
        if (certificate is None) != (key is None):
            missing = variable("stages_tls_key" if certificate else "stages_tls_certificate")
            raise _wrong(missing, "A certificate and its key go together: one of them is set.")
        if authorities is None:
            if certificate:
                raise _wrong(certificate.setting, f"It is of no use without {variable('stages_tls_ca')}.")
            _refuse_plaintext(settings, endpoints)
            return cls()
        if settings.stages_plaintext:
            raise _wrong(variable("stages_plaintext"), f"It contradicts {authorities.setting}: unset one of them.")
        files = Files(Role.CLIENT, certificate, key, authorities)
        return cls(Kept(files, Shown(stage, STAGES)), settings.tls_reload_seconds)

    def channel(self, address: str, name: str, options: Options) -> grpc.aio.Channel:
        """Return a channel to an address; by TLS, the certificate there has to hold the name."""
        if self._files is None:
            return grpc.aio.insecure_channel(address, options=options)
        pems = self._files.pems
        credentials = grpc.ssl_channel_credentials(pems.authorities, pems.key or None, pems.certificate or None)
        named = (*options, ("grpc.ssl_target_name_override", name))
        return grpc.aio.secure_channel(address, credentials, options=named)

    @property
    def outdated(self) -> asyncio.Event | None:
        """An event that is set once there are other certificates than now; None in plaintext."""
        return self._files.replaced if self._files else None

    async def run(self) -> None:
        """Look for new certificates until cancelled; returns at once in plaintext."""
        if self._files:
            await self._files.run(self._reload_seconds)


PLAIN = Dial()


def _refuse_plaintext(settings: CallerSettings, endpoints: Iterable[str]) -> None:
    elsewhere = [each for each in endpoints if not on_this_machine(each.removeprefix("dns:///"))]
    if elsewhere and not settings.stages_plaintext:
        ca, plaintext = map(settings.variable, ("stages_tls_ca", "stages_plaintext"))
        message = (
            f"{elsewhere[0]} is on another machine, and would be called without TLS. "
            f"Set {ca}; or {plaintext}=true, where the network itself is to be trusted."
        )
        raise InvalidArgument("PLAINTEXT", message)


def _wrong(setting: str, message: str) -> InvalidArgument:
    return InvalidArgument("TLS_SETTING", message, setting)
