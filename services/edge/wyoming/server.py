"""The TCP server of Wyoming's clients, where the settings name an address for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.common.errors import MeshError
from services.edge import measures
from services.edge.doors.entrance import Doors
from services.edge.realtime.registry import Registry
from services.edge.upstream import Caller
from services.edge.wyoming.connection import Left, WyomingConnection
from services.edge.wyoming.framing import MOST_LINE

ENDPOINT = "wyoming"
MOST_CONNECTIONS = 256
_BACKLOG = 64

log = logging.getLogger(__name__)


@asynccontextmanager
async def wyoming_served(doors: Doors, registry: Registry) -> AsyncIterator[None]:
    """Serve Wyoming for the block, where it has an address. Raises OSError where that is taken."""
    settings = doors.settings
    if settings.wyoming is None:
        yield
        return
    held: set[asyncio.Task[object]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection, in the task that the server has made for it."""
        if registry.draining or len(held) >= MOST_CONNECTIONS:
            measures.refused(ENDPOINT, "AT_CAPACITY")
            writer.close()
            return
        task = asyncio.current_task()
        assert task
        held.add(task)
        try:
            await _served(doors, reader, writer)
        finally:
            held.discard(task)

    host, _, port = settings.wyoming.rpartition(":")
    server = await asyncio.start_server(connected, host.strip("[]"), int(port), limit=MOST_LINE, backlog=_BACKLOG)
    log.info("serving wyoming", extra={"fields": {"port": server.sockets[0].getsockname()[1]}})
    try:
        yield
    finally:
        server.close()
        for each in held:
            each.cancel()
        if held:
            await asyncio.wait(held)


async def _served(doors: Doors, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection to its end, and close it."""
    address = (writer.get_extra_info("peername") or ("",))[0]
    connection = WyomingConnection(doors, Caller("", f"client {address}"), reader, writer, doors.settings.wyoming_lang)
    code = "OK"
    with measures.connection(ENDPOINT):
        try:
            await connection.serve()
        except MeshError as error:  # what came is no event, so nothing behind it is
            code = error.code
            await _last_words(connection, error)
        except Left:
            code = "LEFT"
        finally:
            measures.answered(ENDPOINT, code)
            if code == "LEFT":
                writer.transport.abort()
            else:
                writer.close()


async def _last_words(connection: WyomingConnection, error: MeshError) -> None:
    try:
        await connection.send("error", text=error.message, code=error.code)
    except Left:
        return
