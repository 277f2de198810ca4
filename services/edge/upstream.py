"""The gateway, as the edge calls it: with its caller's token, and within the caller's trace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import grpc

from mesh.overview.v1 import overview_pb2, overview_pb2_grpc
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.cancelling import TaskGroup, heed_cancellation
from services.common.telemetry.tracing import Metadata, outgoing
from services.edge.connections import Connections
from services.edge.faults import Fault, fault_of_call
from services.edge.settings import EdgeSettings

Watch: TypeAlias = "grpc.aio.UnaryStreamCall[overview_pb2.WatchRequest, overview_pb2.WatchResponse]"
Call: TypeAlias = "grpc.aio.StreamStreamCall[pb.ClientMessage, pb.ServerMessage]"

_DESCRIBED_SECONDS = 10.0  # how old what is known of the gateway may get
_CALL_SECONDS = 30.0
_WATCH_MS = 1000  # between two messages to operators


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

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._described: pb.DescribeResponse | None = None
        self._described_at = 0.0
        self._describing = asyncio.Lock()

    def stream(self, caller: Caller) -> Call:
        """Begin a session's call."""
        connection = self._connections.current
        call = connection.stub.Stream(metadata=caller.metadata)
        connection.hold(call)
        return call

    def watch(self, caller: Caller) -> Watch:
        """Begin a call that tells operators of the mesh. Raises Fault where their port is not known here."""
        if (channel := self._connections.current.operations) is None:
            raise Fault(404, "OPERATORS_OFF", "EDGE_GATEWAY_OPERATIONS names no gateway's port for operators.")
        request = overview_pb2.WatchRequest(interval_ms=_WATCH_MS)
        return overview_pb2_grpc.OverviewStub(channel).Watch(request, metadata=caller.metadata)

    async def translate(self, request: pb.TranslateTextRequest, caller: Caller) -> pb.TranslateTextResponse:
        """Translate one text. Raises Fault."""
        try:
            return await self._connections.current.stub.TranslateText(
                request, metadata=caller.metadata, timeout=_CALL_SECONDS
            )
        except grpc.aio.AioRpcError as error:
            heed_cancellation()
            raise fault_of_call(error) from None

    async def admit(self, caller: Caller) -> pb.DescribeResponse:
        """Return what the gateway offers to this caller, asked with its token. Raises Fault where it is refused."""
        try:
            return await self._connections.current.stub.Describe(
                pb.DescribeRequest(), metadata=caller.metadata, timeout=_CALL_SECONDS
            )
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


@asynccontextmanager
async def gateway_of(settings: EdgeSettings) -> AsyncIterator[Gateway]:
    """Call the gateway inside the block. Raises InvalidArgument where a setting of TLS is at fault."""
    connections = Connections(settings)
    async with TaskGroup() as tasks:
        following = tasks.create_task(connections.run(settings.tls_reload_seconds))
        try:
            yield Gateway(connections)
        finally:
            following.cancel()
            await connections.close()


async def failure(call: Call) -> grpc.aio.AioRpcError:
    """Return the error of a call that has ended, as its status tells it."""
    return grpc.aio.AioRpcError(
        await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
    )
