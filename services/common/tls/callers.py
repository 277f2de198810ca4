"""The interceptor that refuses callers whose certificate does not name one of those who may call."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

import grpc

from services.common.errors import PermissionDenied, quoted
from services.common.statuses import to_status
from services.common.telemetry import rpcs
from services.common.tls.serving import Serving

NOT_A_CALLER = "NOT_A_CALLER"
_NAMES = ("peer_spiffe_id", "peer_dns")  # what gRPC calls them in a call's auth_context


class CallersOnly(grpc.aio.ServerInterceptor):
    """Lets those through whose certificate holds one of the names; all others get PERMISSION_DENIED, and nothing else.

    gRPC has checked by then that an authority vouches for the certificate.
    """

    def __init__(self, serving: Serving, stage: str) -> None:
        self._serving = serving
        self._stage = stage
        rpcs.may_refuse(stage, (NOT_A_CALLER,))

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of the call's method, which looks at the caller first."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        sides = ("stream" if side else "unary" for side in (handler.request_streaming, handler.response_streaming))
        kind = "_".join(sides)
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        checked = self._checked(getattr(handler, kind))
        return cast(
            "grpc.RpcMethodHandler[Any, Any]",
            make(checked, handler.request_deserializer, handler.response_serializer),
        )

    def _checked(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def answered(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            await self._require(context)
            return await method(request, context)

        async def streamed(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            await self._require(context)
            async for response in method(request, context):
                yield response

        return streamed if inspect.isasyncgenfunction(method) else answered

    async def _require(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        names = names_of(context.auth_context())
        if not self._serving.names.isdisjoint(names):
            return
        rpcs.refused(self._stage, NOT_A_CALLER)
        status = to_status(_refusal(self._serving, names))
        details = (("grpc-status-details-bin", status.SerializeToString()),)
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, status.message, trailing_metadata=details)


def names_of(auth_context: Mapping[str, Iterable[bytes]]) -> list[str]:
    """Return the SPIFFE id and the DNS names of a caller's certificate; none where it has shown none."""
    return [name.decode(errors="replace") for key in _NAMES for name in auth_context.get(key, ())]


def _refusal(serving: Serving, names: Iterable[str]) -> PermissionDenied:
    has = ", ".join(map(quoted, names)) or "no SPIFFE id and no DNS name"
    message = f"Your certificate holds {has}, which may not call here: see {serving.setting}."
    return PermissionDenied(NOT_A_CALLER, message, accepted=sorted(serving.names))
