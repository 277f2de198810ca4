"""Typed sessions over the edge's WebSocket and over gRPC, and processes to type to."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import psutil
from websockets.asyncio.client import ClientConnection, connect

from babelmesh.client.gateways import CHANNEL_OPTIONS
from babelmesh.local import supervisor
from babelmesh.local.edge import Front, edge_service
from babelmesh.local.supervisor import Service
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc

TEXT = "The quick brown fox jumps over the lazy dog."
HELLO = {
    "type": "hello",
    "session": {"source_lang": "en", "targets": [{"lang": "es", "delivery": "captions"}], "features": []},
}
CONFIG = pb.SessionConfig(source_lang="en", targets=[pb.Target(lang="es", delivery=pb.DELIVERY_CAPTIONS)])


@dataclass(slots=True)
class Typist:
    """A session over the edge in which one text is typed after the other, and what each took in milliseconds."""

    socket: ClientConnection
    took_ms: list[float] = field(default_factory=list)

    async def type(self) -> None:
        """Type a text, and wait for its translation."""
        began = time.perf_counter()
        await self.socket.send(json.dumps({"type": "input_text", "text": TEXT}))
        await self._until("final_translation")
        self.took_ms.append(1000 * (time.perf_counter() - began))

    async def _until(self, kind: str) -> None:
        async for message in self.socket:
            if f'"type":"{kind}"' in str(message)[:64]:
                return
        raise ConnectionError("the edge closed the connection")


@asynccontextmanager
async def typist(port: int) -> AsyncIterator[Typist]:
    """An open session over the edge."""
    url = f"ws://127.0.0.1:{port}/v1/realtime"
    async with connect(url, compression=None, open_timeout=60, ping_interval=None) as socket:
        await socket.send(json.dumps(HELLO))
        found = Typist(socket)
        await found._until("ready")
        yield found


@dataclass(slots=True)
class DirectTypist:
    """The same over gRPC, without an edge."""

    call: grpc.aio.StreamStreamCall[pb.ClientMessage, pb.ServerMessage]
    took_ms: list[float] = field(default_factory=list)

    async def type(self) -> None:
        """Type a text, and wait for its translation."""
        began = time.perf_counter()
        await self.call.write(pb.ClientMessage(text=pb.TextChunk(text=TEXT, final=True)))
        while isinstance(message := await self.call.read(), pb.ServerMessage):
            if message.translation.final:
                break
        self.took_ms.append(1000 * (time.perf_counter() - began))


@asynccontextmanager
async def direct_typist(address: str) -> AsyncIterator[DirectTypist]:
    """An open session over gRPC."""
    async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        call = pb_grpc.RealtimeTranslateStub(channel).Stream()
        await call.write(pb.ClientMessage(hello=CONFIG))
        await call.read()
        yield DirectTypist(call)
        call.cancel()


@asynccontextmanager
async def edges(gateway: str, count: int = 1, **variables: str) -> AsyncIterator[list[tuple[int, psutil.Process]]]:
    """Edges before a gateway, each with its port and process as it was started first."""
    ports = supervisor.unused_ports(count)
    services = [edge(port, gateway, variables) for port in ports]
    with TemporaryDirectory(prefix="babelmesh-bench-") as logs:
        async with supervisor.supervised(services, Path(logs)) as started:
            yield [(port, psutil.Process(each.child.pid)) for port, each in zip(ports, started, strict=True)]


def edge(port: int, gateway: str, variables: dict[str, str]) -> Service:
    """An edge before a gateway, with variables of its own."""
    service = edge_service(Front(port), gateway)
    return Service(f"edge-{port}", service.command, service.address, {**service.variables, **variables})


@asynccontextmanager
async def echo_gateway() -> AsyncIterator[str]:
    """The address of a process that answers each text at once, as a gateway would: for what the edge alone takes."""
    (port,) = supervisor.unused_ports(1)
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.edge.echo", str(port))
    address = f"127.0.0.1:{port}"
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            await channel.channel_ready()
        yield address
    finally:
        child.terminate()
        await child.wait()


def spread(values: Sequence[float], share: float) -> float:
    """The value that so many of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
