"""Quotas that two gateways share in a real Redis or Valkey, which dies and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.measuring.redis_server import PROGRAM, RedisServer, redis_server
from services.gateway.quotas.classes import Line
from services.gateway.quotas.leases import Leases
from services.gateway.quotas.shared import Shared
from services.gateway.quotas.tally import Counted, counted

missing = pytest.mark.skipif(PROGRAM is None, reason="neither redis-server nor valkey-server is installed")
pytestmark = [pytest.mark.clock, missing]
NOW = 1_000_000.0
DAY = (Line("audio_minutes", "day", 100_000), Line("audio_minutes", "month", 150_000))


class Gateways:
    """Two gateways' leases, by a clock that stands still."""

    def __init__(self, server: RedisServer) -> None:
        self.now = NOW
        self.both = [Leases(Shared(server.url, settle_seconds=1), lambda: self.now) for _ in range(2)]

    async def found(self, counts: Sequence[Counted] = ()) -> None:
        """Wait until both have found the server, and heard of each other."""
        async with asyncio.timeout(60):
            while any(each.cut_off for each in self.both):
                for each in self.both:
                    await each.keep(counts)
                await asyncio.sleep(0.1)
        self.now += 1
        for each in self.both:
            await each.keep(counts)

    async def take(self, counts: Sequence[Counted], amount: int, times: int = 1) -> int:
        """How much both get together, asking at once."""
        asked = [each.take(counts, amount) for each in self.both for _ in range(times)]
        return sum(lease.granted for lease in await asyncio.gather(*asked))

    async def close(self) -> None:
        for each in self.both:
            await each.close()


async def test_gateways_that_ask_at_once_get_the_limit_and_not_more(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server:
        gateways, counts = Gateways(server), counted("acme", DAY, NOW)
        await gateways.found()
        assert await gateways.take(counts, 700, times=100) == 100_000
        assert await gateways.take(counts, 1) == 0
        assert await gateways.take(counted("other", DAY, NOW), 1) == 2
        await gateways.close()


async def test_nothing_is_granted_twice_when_the_server_forgets_all_and_comes_back(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server:
        gateways, counts = Gateways(server), counted("acme", DAY, NOW)
        await gateways.found()
        granted = await gateways.take(counts, 1000, times=20)
        assert granted == 40_000
        gateways.now += 1
        for each in gateways.both:
            await each.keep(counts)
        await server.kill()
        alone = await gateways.take(counts, 5_000)
        assert alone == 10_000  # what runs goes on
        assert all(each.cut_off for each in gateways.both)
        await server.start()
        await gateways.found(counts)
        rest = await gateways.take(counts, 1000, times=100)
        assert granted + alone + rest == 100_000
        await gateways.close()


async def test_a_server_that_restarts_between_two_questions_is_noticed(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server:
        gateways, counts = Gateways(server), counted("acme", DAY, NOW)
        await gateways.found()
        await gateways.take(counts, 50_000)
        gateways.now += 1
        for each in gateways.both:
            await each.keep(counts)
        gateways.now += 1
        await server.kill()
        await server.start()
        assert await gateways.take(counts, 50_000) == 0
        assert all(each.cut_off for each in gateways.both)
        await gateways.close()
