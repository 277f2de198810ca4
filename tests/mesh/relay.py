"""A TCP relay whose connections a test cuts."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """Passes bytes on to an address until they are cut."""

    def __init__(self, address: str) -> None:
        self.source: tuple[str, int] | None = None  # where its own connections come from; none: anywhere
        self._host, _, self._port = address.rpartition(":")
        self._ends: set[asyncio.StreamWriter] = set()
        self.connections = 0
        self.breaking = 0  # so many connections break while they are made

    def cut(self) -> None:
        """Resets every connection; new ones are taken."""
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def connected(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        self.connections += 1
        if self.breaking:
            self.breaking -= 1
            return to_client.transport.abort()
        server, to_server = await asyncio.open_connection(self._host, int(self._port), local_addr=self.source)
        self._ends |= {to_client, to_server}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._pass(client, to_server))
            tasks.create_task(self._pass(server, to_client))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(64 * 1024):
                sink.write(piece)
                await sink.drain()
        sink.close()
        self._ends.discard(sink)  # there is nothing left to abort; under TLS some Pythons would fail over it


@asynccontextmanager
async def relay(address: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, Relay]]:
    """The address of a relay to an address; with `tls`, it speaks that to its clients."""
    made = Relay(address)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", made
    finally:
        made.cut()
        server.close()
        await server.wait_closed()
