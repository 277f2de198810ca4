"""A client of Wyoming that sends any bytes, and an edge that serves it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.mesh.edge import edge_port

FORM = {"rate": 16_000, "width": 2, "channels": 1}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@asynccontextmanager
async def wyoming_port(edge_settings: dict[str, Any] | None = None, **mesh: Any) -> AsyncIterator[int]:
    """The port of Wyoming at an edge before a mesh that is given as in `gateway_address`."""
    port = free_port()
    async with edge_port({"wyoming": f"127.0.0.1:{port}", **(edge_settings or {})}, **mesh):
        yield port


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, kind: str, payload: bytes = b"", /, **data: Any) -> None:
        header = {"type": kind, "data": data, **({"payload_length": len(payload)} if payload else {})}
        await self.send_bytes(json.dumps(header).encode() + b"\n" + payload)

    async def send_bytes(self, sent: bytes) -> None:
        self._writer.write(sent)
        await self._writer.drain()

    async def read(self) -> tuple[str, dict[str, Any], bytes] | None:
        """The next event; None at the end."""
        async with asyncio.timeout(60):
            line = await self._reader.readline()
            if not line:
                return None
            header = json.loads(line)
            data = await self._reader.readexactly(header.get("data_length", 0))
            return (
                header["type"],
                json.loads(data or b"{}"),
                await self._reader.readexactly(header.get("payload_length", 0)),
            )

    async def until(self, *kinds: str) -> list[tuple[str, dict[str, Any], bytes]]:
        """All events up to the first of these kinds."""
        found = []
        while event := await self.read():
            found.append(event)
            if event[0] in kinds:
                break
        return found

    def abort(self) -> None:
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def client(port: int) -> AsyncIterator[Client]:
    made = Client(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield made
    finally:
        await made.close()
