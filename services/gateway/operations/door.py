"""The door of the operators' port, where tokens are asked for: what people ask and order needs the scope `operate`.

What machines ask stays open, as they carry no token: health, the state of a replica, and the autoscaler's questions.
These tell load and change nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from services.common.errors import MeshError
from services.common.rpc_handlers import Handler, with_method
from services.common.server.door import abort
from services.common.telemetry import rpcs
from services.gateway.tokens.gate import Gate
from services.gateway.tokens.grants import OPERATE

OPEN = ("/grpc.health.", "/mesh.stage.", "/externalscaler.")


class OperatorsDoor(grpc.aio.ServerInterceptor):
    """Refuses calls without the scope, before anything else is done for them."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the method's handler, or one that refuses the call."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith(OPEN):
            return handler
        try:
            await self._gate.admit(handler_call_details.invocation_metadata, OPERATE)
        except MeshError as refusal:
            rpcs.refused("gateway", refusal.code)
            return _refusing(handler, refusal)
        return handler


def _refusing(handler: Handler, refusal: MeshError) -> Handler:
    """Return a handler of the same kind that ends each call with a refusal."""

    async def refuse(requests: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await abort(context, refusal)

    return with_method(handler, refuse)
