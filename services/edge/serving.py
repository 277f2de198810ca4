"""The edge's HTTP server: uvicorn with bounded sockets, started and stopped with the process."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

from services.common.cancelling import TaskGroup
from services.edge.handshakes import Handshakes
from services.edge.https import Https, https_of
from services.edge.settings import EdgeSettings

_BACKLOG = 2048
_LAST_WORDS_SECONDS = 2


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone, and tells when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and tell."""
        await super().startup(sockets)
        self.serving.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(app: Starlette, settings: EdgeSettings) -> AsyncIterator[int]:
    """Serve an application for the block, and yield the port.

    Raises OSError where the address is taken, and InvalidArgument where it cannot be served as the settings of TLS say.
    """
    logging.getLogger("uvicorn.error").addFilter(_is_ours)
    https = https_of(settings)
    listening = _listening(settings)
    server = _Server(_config(app, settings, https))
    async with TaskGroup() as tasks:
        tasks.create_task(server.serve([listening]))
        following = tasks.create_task(https.run(settings.tls_reload_seconds)) if https else None
        try:
            await server.serving.wait()
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            if following:
                following.cancel()


def _is_ours(record: logging.LogRecord) -> bool:
    """Return whether a line of uvicorn's is worth a log.

    A handshake that we refuse is answered, and a text that is no UTF-8 is its sender's fault: neither is an error here.
    """
    return not any(part in str(record.msg) for part in ("without completing handshake", "Invalid UTF-8 sequence"))


def _config(app: Starlette, settings: EdgeSettings, https: Https | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws=Handshakes,
        http="h11",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        ws_max_size=settings.max_message_bytes,
        ws_ping_interval=20.0,
        ws_ping_timeout=None,  # a client that is held is not read, so its answer may wait; TCP finds the dead ones
        ws_per_message_deflate=False,  # 60 KiB a connection, for text that is short
        h11_max_incomplete_event_size=64 * 1024,
        timeout_graceful_shutdown=_LAST_WORDS_SECONDS,
        backlog=_BACKLOG,
        ssl_context_factory=(lambda config, default: https.context) if https else None,
    )


def _listening(settings: EdgeSettings) -> socket.socket:
    """Return the socket to accept connections on, which inherit its bounds."""
    host, _, port = settings.listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host.strip("[]") else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.send_buffer_bytes)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # who takes nothing for so long is gone
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.client_stall_ms)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listening.bind((host.strip("[]"), int(port)))
    listening.setblocking(False)
    return listening
