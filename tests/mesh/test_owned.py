"""Calls that end with their owner, though gRPC would keep them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from services.common.grpc_options import CHANNEL
from services.gateway.stages.calls import Owned
from tests.mesh.fake_stage import until

pytestmark = pytest.mark.clock


class Recognizer(asr_pb2_grpc.AsrServicer):
    """Says something, and then hangs or breaks."""

    def __init__(self, breaks: bool) -> None:
        self.breaks = breaks
        self.open = 0

    async def Recognize(self, request_iterator: Any, context: Any) -> None:  # type: ignore[override]  # it reads
        self.open += 1
        try:
            await context.read()
            await context.write(asr_pb2.RecognizeResponse())
            if self.breaks:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "broken")
            await asyncio.Event().wait()
        finally:
            self.open -= 1

    async def Describe(self, request: Any, context: Any) -> asr_pb2.DescribeResponse:
        return asr_pb2.DescribeResponse()


@asynccontextmanager
async def recognizer(breaks: bool) -> AsyncIterator[tuple[Recognizer, asr_pb2_grpc.AsrAsyncStub]]:
    server, servicer = grpc.aio.server(), Recognizer(breaks)
    asr_pb2_grpc.add_AsrServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL) as to:
        yield servicer, asr_pb2_grpc.AsrStub(to)
    await server.stop(None)


async def test_a_call_that_is_dropped_ends_with_its_owner() -> None:
    async with recognizer(breaks=False) as (servicer, stub):
        with Owned() as calls:
            await calls.add(stub.Recognize()).write(asr_pb2.RecognizeRequest())
            await until(lambda: servicer.open == 1)
        await until(lambda: servicer.open == 0)


async def test_a_call_whose_write_failed_leaves_no_task_though_its_messages_are_never_read() -> None:
    async with recognizer(breaks=True) as (_, stub):
        standing = len(asyncio.all_tasks())
        with Owned() as calls:
            call = calls.add(stub.Recognize())
            await call.write(asr_pb2.RecognizeRequest())
            with pytest.raises((grpc.aio.AioRpcError, asyncio.InvalidStateError)):
                await _write_until_it_fails(call)
        await until(lambda: len(asyncio.all_tasks()) <= standing)


async def _write_until_it_fails(call: Any) -> None:
    async with asyncio.timeout(60):
        while True:
            await call.write(asr_pb2.RecognizeRequest())
            await asyncio.sleep(0.01)
