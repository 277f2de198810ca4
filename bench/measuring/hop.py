"""How much audio one gRPC hop takes in before a write waits, when nobody reads at its other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from services.common.audio.pcm import ASR_RATE
from services.common.grpc_options import CHANNEL, server_options

CHUNK = bytes(ASR_RATE // 10 * 2)  # 100 ms
STUCK_SECONDS = 1.0  # a write that waits so long is held
MOST_SECONDS_OF_AUDIO = 600

Options = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Hop:
    """The options of both ends."""

    name: str
    client: Options
    server: Options


HOPS = (Hop("gRPC's defaults", (), ()), Hop("ours", CHANNEL, server_options(100)))


class Deaf(asr_pb2_grpc.AsrServicer):
    """Takes a call and never reads."""

    async def Recognize(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:  # noqa: D102 - the contract's
        await asyncio.Event().wait()
        yield

    async def Describe(self, request: Any, context: Any) -> asr_pb2.DescribeResponse:  # noqa: D102 - the contract's
        return asr_pb2.DescribeResponse()


async def accepted_bytes(hop: Hop) -> int:
    """What a writer can push into the hop, in bytes of audio."""
    server = grpc.aio.server(options=hop.server)
    asr_pb2_grpc.add_AsrServicer_to_server(Deaf(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    accepted = 0
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=hop.client) as channel:
        call = asr_pb2_grpc.AsrStub(channel).Recognize()
        request = asr_pb2.RecognizeRequest(audio=asr_pb2.AudioChunk(pcm=CHUNK))
        try:
            while accepted < MOST_SECONDS_OF_AUDIO * 2 * ASR_RATE:
                await asyncio.wait_for(call.write(request), STUCK_SECONDS)
                accepted += len(CHUNK)
        except TimeoutError:
            pass
        finally:
            call.cancel()
    await server.stop(None)
    return accepted
