"""The interceptor that refuses callers whose certificate does not name one of those who may call."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any

import grpc

from services.common.errors import PermissionDenied, quoted
from services.common.rpc_handlers import Handler, Method, method_of, with_method
from services.common.statuses import to_status
from services.common.telemetry import rpcs
from services.common.tls.revoked import serials
from services.common.tls.serving import Serving

NOT_A_CALLER = "NOT_A_CALLER"
CERTIFICATE_REVOKED = "CERTIFICATE_REVOKED"
_NAMES = ("peer_spiffe_id", "peer_dns")  # what gRPC calls them in a call's auth_context


class CallersOnly(grpc.aio.ServerInterceptor):
    """Lets those through whose certificate holds one of the names, where there are any, and is not revoked.

    All others get PERMISSION_DENIED, and nothing else. gRPC has checked by then that an authority vouches for the
    certificate.
    """

    def __init__(self, serving: Serving, stage: str) -> None:
        self._serving = serving
        self._stage = stage
        rpcs.may_refuse(stage, (NOT_A_CALLER, CERTIFICATE_REVOKED))

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the handler of the call's method, which looks at the caller first."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        return with_method(handler, self._checked(method_of(handler)))

    def _checked(self, method: Method) -> Method:
        async def answered(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            await self._require(context)
            return await method(request, context)

        async def streamed(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            await self._require(context)
            async for response in method(request, context):
                yield response

        return streamed if inspect.isasyncgenfunction(method) else answered

    async def _require(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        refusal = self._refusal(context.auth_context())
        if refusal is None:
            return
        rpcs.refused(self._stage, refusal.code)
        status = to_status(refusal)
        details = (("grpc-status-details-bin", status.SerializeToString()),)
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, status.message, trailing_metadata=details)

    def _refusal(self, shown: Mapping[str, Iterable[bytes]]) -> PermissionDenied | None:
        names, serving = names_of(shown), self._serving
        if serving.names and serving.names.isdisjoint(names):
            return _not_a_caller(serving, names)
        if serving.revoked.set and any(each in serving.revoked for each in (*names, *serials(shown))):
            message = "Your certificate was revoked."
            return PermissionDenied(CERTIFICATE_REVOKED, message, accepted=["another certificate"])
        return None


def names_of(auth_context: Mapping[str, Iterable[bytes]]) -> list[str]:
    """Return the SPIFFE id and the DNS names of a caller's certificate; none where it has shown none."""
    return [name.decode(errors="replace") for key in _NAMES for name in auth_context.get(key, ())]


def _not_a_caller(serving: Serving, names: Iterable[str]) -> PermissionDenied:
    has = ", ".join(map(quoted, names)) or "no SPIFFE id and no DNS name"
    message = f"Your certificate holds {has}, which may not call here: see {serving.setting}."
    return PermissionDenied(NOT_A_CALLER, message, accepted=sorted(serving.names))
