from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.chaos.proxy import Proxy, proxy


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
    writer.close()


@asynccontextmanager
async def _proxied() -> AsyncIterator[tuple[Proxy, asyncio.StreamReader, asyncio.StreamWriter]]:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, proxy(f"{host}:{port}") as way:
        reader, writer = await _connected(way)
        try:
            yield way, reader, writer
        finally:
            writer.transport.abort()


async def _connected(way: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = way.address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def test_what_is_said_comes_back() -> None:
    async with _proxied() as (_, reader, writer):
        writer.write(b"one\n")
        assert await reader.readline() == b"one\n"


async def test_an_end_is_passed_on_both_ways() -> None:
    async with _proxied() as (_, reader, writer):
        writer.write_eof()
        assert await reader.read() == b""


async def test_nothing_gets_through_a_black_hole_and_nothing_is_closed() -> None:
    async with _proxied() as (way, reader, writer):
        way.black_hole()
        writer.write(b"one\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.2)
        assert not reader.at_eof()


async def test_a_connection_made_in_a_black_hole_hears_nothing() -> None:
    async with _proxied() as (way, _, _):
        way.black_hole()
        reader, writer = await _connected(way)
        writer.write(b"one\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.2)
        way.heal()
        assert await reader.readline() == b"one\n"
        writer.transport.abort()


async def test_what_was_sent_into_a_black_hole_arrives_in_order_after_the_heal() -> None:
    async with _proxied() as (way, reader, writer):
        way.black_hole()
        writer.write(b"one\ntwo\n")
        way.heal()
        writer.write(b"three\n")
        assert [await reader.readline() for _ in range(3)] == [b"one\n", b"two\n", b"three\n"]


async def test_who_connects_to_nobody_is_told() -> None:
    async with proxy("127.0.0.1:1") as way:
        reader, writer = await _connected(way)
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            pass
        finally:
            writer.transport.abort()
