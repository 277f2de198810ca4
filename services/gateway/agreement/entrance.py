"""The door of the clients' port: who calls, by which right, and whether too often; before anything is held for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeAlias

from services.common.errors import PermissionDenied, Unauthenticated
from services.common.telemetry import rpcs
from services.gateway.agreement.callers import Caller, caller
from services.gateway.agreement.tenants import Tenants
from services.gateway.settings import GatewaySettings
from services.gateway.tenant_settings import on_loopback
from services.gateway.tokens.gate import Gate
from services.gateway.tokens.grants import Grant

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    import grpc

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class Entrance:
    """Lets callers in: with tokens as these say, without them as a proxy or the network does."""

    def __init__(self, settings: GatewaySettings, tenants: Tenants, gate: Gate) -> None:
        self.gate = gate
        self._tenants = tenants
        self._tenant_metadata = settings.tenant_metadata

    async def admit(self, context: Context, scope: str, kind: str) -> Caller:
        """Return the caller of a call of a kind, and count it. Raises MeshError for one that may not call.

        What is refused for its token counts against the address that it comes from.
        """
        metadata = context.invocation_metadata() or ()
        named = caller(metadata, self._tenant_metadata, context.peer())
        if not self.gate.on:
            found = Caller(named.tenant, named.client, Grant(tenant=named.tenant))
        else:
            try:
                grant = await self.gate.admit(metadata, scope)
            except (Unauthenticated, PermissionDenied) as refusal:
                rpcs.refused("gateway", refusal.code)
                await self._tenants.called(Caller("", named.client), "Unauthenticated")
                raise
            found = Caller(grant.tenant, named.client, grant)
        await self._tenants.called(found, kind)
        return found


def warn_of_strangers(settings: GatewaySettings) -> None:
    """Log a warning where others than this machine can call, and nobody tells who they are."""
    if not settings.tells_tenants and not on_loopback(settings.listen.rpartition(":")[0]):
        log.warning("anybody who reaches this port may call, no tokens are asked for")
