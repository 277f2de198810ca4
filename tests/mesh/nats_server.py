"""A NATS server of a test's own, which can be killed and started again at the same port."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

from babelmesh.local.supervisor import unused_ports

PROGRAM = shutil.which("nats-server")
needs_nats = pytest.mark.skipif(PROGRAM is None, reason="nats-server is not installed (apt install nats-server)")


@dataclass
class NatsServer:
    """A server, and the process that it runs as."""

    port: int
    process: Process | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        assert PROGRAM
        self.process = await asyncio.create_subprocess_exec(
            PROGRAM, "-a", "127.0.0.1", "-p", str(self.port), stdout=DEVNULL, stderr=DEVNULL
        )
        async with asyncio.timeout(10):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    await writer.wait_closed()
                    return
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            await self.process.wait()
            self.process = None


@asynccontextmanager
async def nats_server() -> AsyncIterator[NatsServer]:
    (port,) = unused_ports(1)
    server = NatsServer(port)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
