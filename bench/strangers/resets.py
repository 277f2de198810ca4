"""Clients that vanish at any moment, beside others that speak: what is left of them, and what the others feel.

    python -m bench.strangers.resets [--resets 10000] [--seconds 600] [--sessions 10] [--seed 1] [--keep FOLDER]

Scripted sessions speak in real time to one replica of each stage, in turns alone and beside clients of `strays`,
which come and vanish in a process of its own, for those seconds in all. *Slots left* are those in use when everybody
has gone and a little while has passed. The others' latency is from the last sample of a segment to the last message
about it. Memory is that of each service before the first reset and after the last.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import grpc

from babelmesh.client.gateways import CHANNEL_OPTIONS
from bench.chaos.fleet import Fleet, Plan, fleet
from bench.chaos.ledger import read_all
from bench.chaos.scene import KeptFolder, Verdict, judged
from bench.chaos.stalled import latencies
from bench.chaos.talking import Load
from bench.measuring.report import Goal, Rows, at_least, at_most, finish, percentile
from mesh.stage.v1 import stage_pb2
from mesh.stage.v1.stage_pb2_grpc import StageStub

RESETS, SECONDS = 10_000, 600.0  # fewer, or in another time, prove nothing
WARM_SECONDS = 6.0
WARM_RESETS = 200  # before memory is looked at: what is made once is made then
PARTS = 6  # alone and beside in turns: what else the machine does falls on both
ALONE_SHARE = 0.5  # so long they are alone for each second beside others
SETTLE_SECONDS = 5.0
VARIABLES = {"GATEWAY_SLOTS": "64", "ASR_SLOTS": "64", "TTS_SLOTS": "128"}
MOST_P99 = 1.2
MOST_RSS = 1.1
SERVICES = ("gateway", "asr", "mt", "tts")


@dataclass(slots=True)
class Came:
    """How many clients vanished, and the statuses of calls that had ended before."""

    vanished: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    async def follow(self, more: Awaitable[Came]) -> None:
        """Adds those that come now."""
        found = await more
        self.vanished += found.vanished
        self.refused += found.refused


Span: TypeAlias = tuple[float, float]  # seconds on the monotonic clock
Come: TypeAlias = Callable[[int, float], Awaitable[Came]]


@dataclass(slots=True)
class Found:
    """What came of a run; latencies in milliseconds, memory in MiB by service."""

    came: Came
    alone: Sequence[int]
    beside: Sequence[int]
    slots_left: Mapping[str, int]
    rss_before: Mapping[str, float]
    rss_after: Mapping[str, float]
    restarts: int
    verdict: Verdict


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resets", type=int, default=RESETS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for logs and ledgers, kept afterwards")
    told = parser.parse_args()
    found = asyncio.run(run(told))
    name = "resets" if (told.resets, told.seconds) == (RESETS, SECONDS) else "resets-short"
    sys.exit(not finish(name, [found.verdict.table, table(found), memory(found)], goals(found)))


async def run(told: argparse.Namespace) -> Found:
    """The sessions alone, beside those that vanish, and alone again."""
    alone: list[Span] = []
    beside: list[Span] = []
    came, part_seconds = Came(), told.seconds / PARTS
    plan = Plan(asr=1, mt=1, tts=1, variables=VARIABLES)
    with KeptFolder(told.keep) if told.keep else TemporaryDirectory(prefix="babelmesh-resets-") as kept:
        path = Path(kept)
        async with fleet(plan, path / "mesh") as up:
            async with strays(up.address, told.seed) as come, Load(told.sessions).at(up.address, path / "ledgers"):
                await asyncio.sleep(WARM_SECONDS)
                await come(min(WARM_RESETS, told.resets), WARM_SECONDS)
                before = rss(up)
                for number in range(PARTS):
                    alone.append(await timed(asyncio.sleep(ALONE_SHARE * part_seconds)))
                    resets = told.resets * (number + 1) // PARTS - told.resets * number // PARTS
                    beside.append(await timed(came.follow(come(resets, part_seconds))))
                await asyncio.sleep(SETTLE_SECONDS)
                after = rss(up)
            await asyncio.sleep(SETTLE_SECONDS)
            left = {name: await slots_used(up[f"{name}-1"].operations) for name in SERVICES}
            restarts = sum(member.starts - 1 for member in up.members.values())
        ledgers = read_all(path / "ledgers")
        verdict = await judged(path / "ledgers")
    times = latencies(ledgers, alone), latencies(ledgers, beside)
    return Found(came, *times, left, before, after, restarts, verdict)


@asynccontextmanager
async def strays(address: str, seed: int) -> AsyncIterator[Come]:
    """Has `strays` run for the block; what is given has so many of its clients come within so many seconds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.strangers.strays", address, "--seed", str(seed), stdin=PIPE, stdout=PIPE
    )
    assert process.stdin
    assert process.stdout
    to, back = process.stdin, process.stdout

    async def come(resets: int, seconds: float) -> Came:
        to.write(f"{resets} {seconds}\n".encode())
        told = json.loads(await back.readline())
        return Came(told["vanished"], Counter(told["refused"]))

    try:
        yield come
    finally:
        to.close()
        await process.wait()


async def timed(waits: Awaitable[object]) -> Span:
    """From when to when something lasted."""
    began = time.monotonic()
    await waits
    return began, time.monotonic()


async def slots_used(address: str) -> int:
    """The slots a service says are in use."""
    async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        watching = StageStub(channel).Watch(stage_pb2.WatchRequest())
        async for told in watching:
            watching.cancel()
            return int(told.slots_used)
    raise AssertionError(f"{address} tells nothing")


def rss(up: Fleet) -> dict[str, float]:
    """The memory of each service."""
    return {name: up[f"{name}-1"].process.memory_info().rss / 2**20 for name in SERVICES}


def table(found: Found) -> Rows:
    """Who vanished, what is left, and what the others felt."""
    rows = Rows("Clients that vanish", ("what", "value"))
    rows.add("vanished", found.came.vanished)
    rows.add("refused or ended by status", ", ".join(f"{k} {v}" for k, v in found.came.refused.items()) or "none")
    for name, count in found.slots_left.items():
        rows.add(f"slots left, {name}", count)
    rows.add("processes that ended", found.restarts)
    for title, values in (("alone", found.alone), ("beside", found.beside)):
        rows.add(f"segments, {title}", len(values))
        rows.add(f"p50 ms, {title}", percentile(values, 0.5))
        rows.add(f"p99 ms, {title}", percentile(values, 0.99))
    return rows


def memory(found: Found) -> Rows:
    """Memory of each service."""
    rows = Rows("Memory, MiB", ("service", "before", "after", "ratio"))
    for name, before in found.rss_before.items():
        rows.add(name, before, found.rss_after[name], found.rss_after[name] / before)
    return rows


def goals(found: Found) -> dict[str, Goal]:
    """Nothing is left, and nobody feels it."""
    alone, beside = percentile(found.alone, 0.99), percentile(found.beside, 0.99)
    ratio = beside / alone if alone and beside else float("inf")
    growth = max(found.rss_after[name] / found.rss_before[name] for name in SERVICES)
    return {
        **found.verdict.clean("resets"),
        "resets.vanished": at_least(found.came.vanished, 1),
        "resets.slots_left": at_most(sum(found.slots_left.values()), 0),
        "resets.ended": at_most(found.restarts, 0),
        "resets.p99_ratio": at_most(ratio, MOST_P99),
        "resets.rss_ratio": at_most(growth, MOST_RSS),
    }


if __name__ == "__main__":
    main()
