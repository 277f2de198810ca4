"""Reads the one message of a unary call such that a call without it ends as well.

gRPC's server for asyncio sends no status to a unary call that is half-closed before its message: no handler runs, and
the call stays until its connection goes. So unary methods are served as if they took a stream of requests, which is the
same on the wire, and read its first.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from services.common.errors import InvalidArgument, TooSlow

REQUEST_SECONDS = 20.0  # for a message of the largest size on a slow link
_RETRY_MS = 1


async def lone_request(context: grpc.aio.ServicerContext[Any, Any]) -> Any:
    """Return the message of a unary call. Raises InvalidArgument without one, TooSlow when it does not come."""
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            request = await context.read()
    except TimeoutError:
        waited = f"No message came for {REQUEST_SECONDS:g} s."
        raise TooSlow("MESSAGE_TIMEOUT", waited, retry_after_ms=_RETRY_MS) from None
    if request is grpc.aio.EOF:
        accepted = ["one message, before the half-close"]
        raise InvalidArgument("MESSAGE_MISSING", "The call ended without a message.", "request", accepted)
    return request
