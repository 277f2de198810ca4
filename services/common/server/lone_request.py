"""Reads the one message of a unary call such that a call without it ends as well.

gRPC's server for asyncio sends no status to a unary call that is half-closed before its message: no handler runs, and
the call stays until its connection goes. So unary methods are served as if they took a stream of requests, which is the
same on the wire, and take its first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import TypeVar

from services.common.errors import InvalidArgument, TooSlow

R = TypeVar("R")

REQUEST_SECONDS = 20.0  # for a message of the largest size on a slow link
_RETRY_MS = 1


async def lone_request(requests: AsyncIterable[R]) -> R:
    """Return the message of a unary call. Raises InvalidArgument without one, TooSlow when it does not come."""
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await anext(aiter(requests))
    except StopAsyncIteration:
        accepted = ["one message, before the half-close"]
        raise InvalidArgument("MESSAGE_MISSING", "The call ended without a message.", "request", accepted) from None
    except TimeoutError:
        waited = f"No message came for {REQUEST_SECONDS:g} s."
        raise TooSlow("MESSAGE_TIMEOUT", waited, retry_after_ms=_RETRY_MS) from None
