"""The gateway, as the edge calls it: with its caller's token, and within the caller's trace."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TypeAlias

import grpc

from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.cancelling import heed_cancellation
from services.common.grpc_options import CHANNEL
from services.common.telemetry.tracing import Metadata, outgoing
from services.edge.faults import fault_of_call
from services.edge.settings import EdgeSettings

Call: TypeAlias = "grpc.aio.StreamStreamCall[pb.ClientMessage, pb.ServerMessage]"

_SPREAD = (("grpc.lb_policy_name", "round_robin"),)  # over all addresses of a name
_DESCRIBED_SECONDS = 10.0  # how old what is known of the gateway may get
_CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Caller:
    """The client of a connection or request, as the gateway is told of it."""

    token: str = ""  # empty: none was sent
    name: str = ""  # what its connections and requests are counted under; never logged

    @property
    def metadata(self) -> Metadata:
        """The gRPC metadata of the client's calls: its token, and the trace of the current span."""
        said = (("authorization", f"Bearer {self.token}"),) if self.token else ()
        return (*said, *outgoing())


class Gateway:
    """Calls the gateway. Its methods raise Fault when a call fails."""

    def __init__(self, settings: EdgeSettings) -> None:
        self._channel = _channel(settings)
        self._stub: pb_grpc.RealtimeTranslateAsyncStub = pb_grpc.RealtimeTranslateStub(self._channel)
        self._described: pb.DescribeResponse | None = None
        self._described_at = 0.0
        self._describing = asyncio.Lock()

    def stream(self, caller: Caller) -> Call:
        """Begin a session's call."""
        return self._stub.Stream(metadata=caller.metadata)

    async def translate(self, request: pb.TranslateTextRequest, caller: Caller) -> pb.TranslateTextResponse:
        """Translate one text. Raises Fault."""
        try:
            return await self._stub.TranslateText(request, metadata=caller.metadata, timeout=_CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            heed_cancellation()
            raise fault_of_call(error) from None

    async def admit(self, caller: Caller) -> pb.DescribeResponse:
        """Return what the gateway offers to this caller, asked with its token. Raises Fault where it is refused."""
        try:
            return await self._stub.Describe(pb.DescribeRequest(), metadata=caller.metadata, timeout=_CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            heed_cancellation()
            raise fault_of_call(error) from None

    async def describe(self, caller: Caller) -> pb.DescribeResponse:
        """Return what the gateway offers, as it said some seconds ago at most. Raises Fault."""
        if caller.token:
            return await self.admit(caller)
        async with self._describing:
            if self._described is None or time.monotonic() - self._described_at > _DESCRIBED_SECONDS:
                self._described = await self.admit(caller)
                self._described_at = time.monotonic()
            return self._described

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


def _channel(settings: EdgeSettings) -> grpc.aio.Channel:
    options = (*CHANNEL, *_SPREAD)
    if settings.gateway_ca is None:
        return grpc.aio.insecure_channel(settings.gateway, options=options)
    credentials = grpc.ssl_channel_credentials(settings.gateway_ca.read_bytes())
    return grpc.aio.secure_channel(settings.gateway, credentials, options=options)


async def failure(call: Call) -> grpc.aio.AioRpcError:
    """Return the error of a call that has ended, as its status tells it."""
    return grpc.aio.AioRpcError(
        await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
    )
