"""Handlers of RPCs, made anew around another method: what interceptors of any kind of call return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import grpc

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Method: TypeAlias = Callable[..., Any]


def method_of(handler: Handler) -> Method:
    """Return the method that a handler calls, whichever of the four kinds it is of."""
    return cast(Method, getattr(handler, _kind(handler.request_streaming, handler.response_streaming)))


def with_method(handler: Handler, method: Method) -> Handler:
    """Return a handler of the same kind that calls another method."""
    return _made(handler, handler.request_streaming, method, handler.request_deserializer)


def with_stream(handler: Handler, method: Method, deserializer: Callable[[bytes], Any]) -> Handler:
    """Return a handler whose method gets the requests as a stream, also where there is only one.

    They are read by another deserializer.
    """
    return _made(handler, True, method, deserializer)


def _made(handler: Handler, request_streaming: bool, method: Method, deserializer: Any) -> Handler:
    make = getattr(grpc, f"{_kind(request_streaming, handler.response_streaming)}_rpc_method_handler")
    return cast(Handler, make(method, deserializer, handler.response_serializer))


def _kind(request_streaming: bool, response_streaming: bool) -> str:
    return "_".join("stream" if each else "unary" for each in (request_streaming, response_streaming))
