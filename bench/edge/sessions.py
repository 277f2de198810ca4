"""What a session costs the edge: memory and processor time, and whether many slow each other down.

    python -m bench.edge.sessions [--sessions 1000] [--seconds 60] [--every 20]

Sessions of typed text through one edge, whose gateway answers at once (`bench.edge.echo`): each types a text every so
many seconds. First ten of them, then all, at one edge each. Memory is that of the edge's process with all sessions
open, above that with none; processor time is the edge's alone. Python's collector of cycles is off in the client, whose
thousand connections it would go through.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import resource
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.edge.typing import Typist, echo_gateway, edges, spread, typist
from bench.measuring.report import Rows, at_most, finish

FEW = 10
OPENED_AT_ONCE = 20
MOST_RSS_KIB = 100.0
MOST_P99 = 1.5


@dataclass(frozen=True, slots=True)
class Cost:
    """What so many sessions came to."""

    sessions: int
    rss_kib: float  # of each
    cpu_ms: float  # of a session's second
    p50_ms: float
    p99_ms: float


async def cost(gateway: str, sessions: int, seconds: float, every: float) -> Cost:
    """What sessions cost an edge of their own."""
    room = str(sessions + 100)
    async with edges(gateway, EDGE_SLOTS=room, EDGE_CLIENT_SLOTS="0") as running, AsyncExitStack() as stack:
        ((port, process),) = running
        await _typed_once(port)
        before = process.memory_info().rss
        typists: list[Typist] = []
        while len(typists) < sessions:
            count = min(OPENED_AT_ONCE, sessions - len(typists))
            opened = await asyncio.gather(*(stack.enter_async_context(typist(port)) for _ in range(count)))
            typists += opened
        began = process.cpu_times()
        async with asyncio.TaskGroup() as tasks:
            for each in typists:
                tasks.create_task(_type(each, seconds, every))
        ended = process.cpu_times()
        held = process.memory_info().rss - before
    took = [ms for each in typists for ms in each.took_ms]
    used = ended.user + ended.system - began.user - began.system
    return Cost(
        sessions, held / 1024 / sessions, 1000 * used / sessions / seconds, spread(took, 0.5), spread(took, 0.99)
    )


async def _typed_once(port: int) -> None:
    """Have the edge make what it makes once."""
    async with typist(port) as first:
        for _ in range(20):
            await first.type()


async def _type(typing: Typist, seconds: float, every: float) -> None:
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    await asyncio.sleep(random.uniform(0, min(every, seconds / 2)))
    while loop.time() < ends:
        await typing.type()
        await asyncio.sleep(min(every, max(0.0, ends - loop.time())))


async def measured(sessions: int, seconds: float, every: float) -> list[Cost]:
    """What few and all sessions cost."""
    async with echo_gateway() as gateway:
        few = await cost(gateway, FEW, seconds, every * FEW / 100)
        return [few, await cost(gateway, sessions, seconds, every)]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=20.0)
    told = parser.parse_args()
    gc.disable()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the edge inherits it
    found = asyncio.run(measured(told.sessions, told.seconds, told.every))
    table = Rows(
        "sessions of typed text", ["sessions", "RSS of each, KiB", "CPU ms per session-second", "p50 ms", "p99 ms"]
    )
    for each in found:
        table.add(str(each.sessions), each.rss_kib, each.cpu_ms, each.p50_ms, each.p99_ms)
    few, many = found
    goals = {
        "RSS of a session, KiB": at_most(many.rss_kib, MOST_RSS_KIB),
        f"p99 above that of {FEW}": at_most(many.p99_ms / few.p99_ms, MOST_P99),
    }
    sys.exit(not finish("edge_sessions", [table], goals))


if __name__ == "__main__":
    main()
