"""A NATS server of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from babelmesh.local.supervisor import unused_ports
from bench.measuring.nats_server import PROGRAM, NatsServer

needs_nats = pytest.mark.skipif(PROGRAM is None, reason="nats-server is not installed (apt install nats-server)")


@asynccontextmanager
async def nats_server() -> AsyncIterator[NatsServer]:
    (port,) = unused_ports(1)
    server = NatsServer(port)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
