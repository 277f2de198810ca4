from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from babelmesh.client import reaching
from babelmesh.client.reaching import reached
from bench.chaos.proxy import proxy


@asynccontextmanager
async def _server(address: str = "127.0.0.1:0") -> AsyncIterator[str]:
    server = grpc.aio.server()
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.fixture
def nobody() -> str:
    """An address that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


async def test_an_address_that_answers_is_reached() -> None:
    async with _server() as address:
        found = await reached([address], ())
        assert found.address == address
        assert found.channel.get_state() is grpc.ChannelConnectivity.READY
        await found.channel.close()


async def test_one_that_refuses_does_not_keep_the_next_waiting(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "PACE_SECONDS", 3600)
    async with _server() as address:
        found = await reached([nobody, address], ())
        assert found.address == address
        await found.channel.close()


async def test_one_that_never_answers_does_not_keep_the_next_from_being_reached() -> None:
    async with _server() as address, proxy(address) as dead:
        dead.black_hole()
        found = await reached([dead.address, address], ())
        assert found.address == address
        await found.channel.close()


async def test_it_is_tried_until_somebody_answers(nobody: str) -> None:
    async with asyncio.TaskGroup() as group:
        searching = group.create_task(reached([nobody], ()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(searching), 0.6)
        async with _server(nobody):
            await (await searching).channel.close()


async def test_nothing_is_left_of_a_search_that_was_given_up(nobody: str) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reached([nobody], ()), 0.6)  # that no task is left, tests/conftest.py tells
