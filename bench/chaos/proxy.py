"""A TCP proxy that can stop forwarding without closing: a black hole that needs no privileges.

It differs from a dead link in one thing: the kernel still accepts and acknowledges in our name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PIECE_BYTES = 65_536
HOST = "127.0.0.1"


class Proxy:
    """A way to a server; made by `proxy`."""

    def __init__(self, target: str) -> None:
        self.address = ""
        self._target = target
        self._clear = asyncio.Event()
        self._clear.set()

    def black_hole(self) -> None:
        """From now on nothing gets through, neither on the connections there are nor on new ones; none is closed."""
        self._clear.clear()

    def heal(self) -> None:
        """What was sent meanwhile arrives, and everything after it."""
        self._clear.set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carries one connection until both sides have closed it, or one broke."""
        try:
            await self._clear.wait()
            host, _, port = self._target.rpartition(":")
            await self._carry(reader, writer, *await asyncio.open_connection(host, int(port)))
        except* OSError:
            pass  # one side broke, or nobody answers: the other side hears of it by the end of its connection
        finally:
            writer.transport.abort()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pump(reader, far_writer))
                ways.create_task(self._pump(far_reader, writer))
        finally:
            far_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE_BYTES):
            await self._clear.wait()
            writer.write(piece)
            await writer.drain()
        await self._clear.wait()
        writer.write_eof()


@asynccontextmanager
async def proxy(target: str) -> AsyncIterator[Proxy]:
    """A proxy on loopback for the block, in front of `host:port`; every connection ends with it."""
    made = Proxy(target)
    async with asyncio.TaskGroup() as connections:
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = connections.create_task(made.connect(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, HOST, 0)
        host, port = server.sockets[0].getsockname()
        made.address = f"{host}:{port}"
        try:
            yield made
        finally:
            server.close()
            for task in tuple(tasks):
                task.cancel()
