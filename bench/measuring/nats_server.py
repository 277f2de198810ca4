"""A NATS server of one run, which can be killed and started again at the same port."""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from dataclasses import dataclass

PROGRAM = shutil.which("nats-server")


@dataclass
class NatsServer:
    """A server, and the process that it runs as."""

    port: int
    process: Process | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"nats://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start the server, and wait until it takes connections. Raises TimeoutError where it does not in 10 s."""
        assert PROGRAM, "nats-server is not installed"
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
        """End the server at once."""
        if self.process is not None:
            self.process.kill()
            await self.process.wait()
            self.process = None
