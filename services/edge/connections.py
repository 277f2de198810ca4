"""The connections to the gateway: the one for new calls, and those before it, whose certificates were replaced."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.cancelling import TaskGroup
from services.common.errors import InvalidArgument
from services.common.grpc_options import CHANNEL
from services.common.tls.kept import Kept, Shown
from services.common.tls.pems import Files, Role
from services.common.tls.serving import file_of, on_this_machine
from services.edge.settings import EdgeSettings

GATEWAY = "gateway"
_SPREAD = (("grpc.lb_policy_name", "round_robin"),)  # over all addresses of a name
_ANSWER_SECONDS = 30.0  # that calls of one answer may still take on a connection that was replaced


class Connection:
    """Its channels, and how many sessions are held over it."""

    def __init__(self, channel: grpc.aio.Channel, operations: grpc.aio.Channel | None = None) -> None:
        self.channel = channel
        self.operations = operations  # to the gateway's port for operators, where the settings name it
        self.stub: pb_grpc.RealtimeTranslateAsyncStub = pb_grpc.RealtimeTranslateStub(channel)
        self._sessions = 0
        self._none = asyncio.Event()
        self._none.set()

    def hold(self, call: Any) -> None:
        """Count a session's call until it has ended."""
        self._sessions += 1
        self._none.clear()
        call.add_done_callback(lambda _: self._ended())

    def _ended(self) -> None:
        self._sessions -= 1
        if not self._sessions:
            self._none.set()

    async def retire(self) -> None:
        """Close the channel when the last session over it has ended; at once when cancelled."""
        grace = None
        try:
            await self._none.wait()
            grace = _ANSWER_SECONDS
        finally:
            await self.close(grace)

    async def close(self, grace: float | None = None) -> None:
        """Close the channels; calls have so many seconds to end."""
        if self.operations:
            await self.operations.close()
        await self.channel.close(grace)


class Connections:
    """Keeps a connection with the newest certificates; one that was replaced is closed when its sessions have ended."""

    def __init__(self, settings: EdgeSettings) -> None:
        """Open the first one. Raises InvalidArgument, whose field is the setting at fault."""
        self._settings = settings
        self._files = _files(settings)
        self.current = self._opened()

    def _opened(self) -> Connection:
        operations = self._settings.gateway_operations
        return Connection(self._channel(self._settings.gateway), self._channel(operations) if operations else None)

    def _channel(self, address: str) -> grpc.aio.Channel:
        options = (*CHANNEL, *_SPREAD, ("grpc.use_local_subchannel_pool", 1))
        if self._files is None:
            return grpc.aio.insecure_channel(address, options=options)
        pems = self._files.pems
        credentials = grpc.ssl_channel_credentials(pems.authorities, pems.key or None, pems.certificate or None)
        name = self._settings.gateway_name
        named = (("grpc.ssl_target_name_override", name),) if name else ()
        return grpc.aio.secure_channel(address, credentials, options=(*options, *named))

    async def run(self, seconds: float) -> None:
        """Look for new certificates every so many seconds, until cancelled; return at once in plaintext."""
        if self._files is None:
            return
        async with TaskGroup() as tasks:
            tasks.create_task(self._files.run(seconds))
            while True:
                await self._files.replaced.wait()
                before, self.current = self.current, self._opened()
                tasks.create_task(before.retire())

    async def close(self) -> None:
        """Close the connection that new calls are made on."""
        await self.current.close()


def _files(settings: EdgeSettings) -> Kept | None:
    """Return the files of certificates; None in plaintext. Raises InvalidArgument."""
    certificate, key, authorities = (file_of(settings, f"gateway_{name}") for name in ("certificate", "key", "ca"))
    variable = settings.variable
    if (certificate is None) != (key is None):
        missing = variable("gateway_key" if certificate else "gateway_certificate")
        raise _wrong(missing, "A certificate and its key go together: one of them is set.")
    if authorities and settings.gateway_plaintext:
        raise _wrong(variable("gateway_plaintext"), f"It contradicts {authorities.setting}: unset one of them.")
    if authorities:
        return Kept(Files(Role.CLIENT, certificate, key, authorities), Shown("edge", GATEWAY))
    if certificate:
        raise _wrong(certificate.setting, f"It is of no use without {variable('gateway_ca')}.")
    if not settings.gateway_plaintext and not on_this_machine(settings.gateway.rpartition("/")[2]):
        ca, plaintext = map(variable, ("gateway_ca", "gateway_plaintext"))
        message = (
            f"The gateway, {settings.gateway}, is on another machine, and would be called without TLS. "
            f"Set {ca}; or {plaintext}=true, where the network itself is to be trusted."
        )
        raise InvalidArgument("PLAINTEXT", message)
    return None


def _wrong(setting: str, message: str) -> InvalidArgument:
    return InvalidArgument("TLS_SETTING", message, setting)
