"""Sends the initial metadata of a call before its first response."""

from __future__ import annotations

from typing import Any, TypeAlias

import grpc

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


async def begin_answers(context: Context) -> None:
    """Send a call's initial metadata now, rather than along with the first message.

    To be awaited before a first `write` that may be given up, by a timeout or by a group whose other task failed. gRPC
    notes that metadata were sent only when that write is through: given up before, they are sent once more along with
    the status, which its core refuses (GRPC_CALL_ERROR_TOO_MANY_OPERATIONS), and the caller waits for its status for
    ever. Metadata alone wait for no reader.
    """
    await context.send_initial_metadata(())
