"""A unary call that ends before its message gets a status, like any other that is wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from services.common.errors import InvalidArgument
from services.common.server.lifecycle import running
from services.common.statuses import from_rpc_error
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from tests.mesh.mesh import gateway_address


@pytest.mark.parametrize("method", ["TranslateText", "Describe"])
async def test_a_call_of_the_gateway_without_its_message_is_refused(method: str) -> None:
    async with gateway_address() as address:
        await assert_refused(address, f"/realtime.v1.RealtimeTranslate/{method}")


@pytest.mark.parametrize("method", ["Synthesize", "Describe"])
async def test_a_call_of_a_stage_without_its_message_is_refused(method: str) -> None:
    settings = TtsSettings(engine="scripted", drain_seconds=0)
    async with running(TtsServicer(settings), settings) as port:
        await assert_refused(f"127.0.0.1:{port}", f"/mesh.tts.v1.Tts/{method}")


async def assert_refused(address: str, method: str) -> None:
    """Half-closes a call of the method at once."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.stream_stream(method)()
        async with asyncio.timeout(60):
            await call.done_writing()
            ended = grpc.aio.AioRpcError(
                await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
            )
    fault = from_rpc_error(ended, "GATEWAY")
    assert isinstance(fault, InvalidArgument)
    assert fault.code == "MESSAGE_MISSING"
