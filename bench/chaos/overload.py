"""More sessions than there is room for: those let in are served as ever, those refused are told so at once.

    python -m bench.chaos.overload [--short] [--slots 12] [--seconds 40] [--busy 0] [--keep FOLDER]

Callers, once, twice and three times as many as the recognizers have slots, each open one short session after the
other. One that is refused waits as long as it was told and asks again. *Goodput*: seconds of speech served whole per
second, over what as many callers as slots get. *Latency*: from the last sample of a segment to the last message about
it. *Refused*: a caller in a process of its own asks beside them, and its refusals are timed. With `--busy N`,
so many other programs want the processor all the while.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import babelmesh
from bench.chaos import speech
from bench.chaos.fleet import Fleet, Plan, fleet
from bench.chaos.knocking import knocked
from bench.chaos.scene import Outcome, folder, options, play, share
from bench.chaos.talking import Wishes
from bench.measuring.report import Goal, Rows, at_least, at_most
from services.common.audio.pcm import ASR_RATE

ARMS = (1, 2, 3)
WARM_SECONDS = 3.0
UTTERANCES = 2  # of a session
LONGEST_WAIT_SECONDS = 5.0
TYPED = ("AT_CAPACITY",)


@dataclass(slots=True)
class Arm:
    """What became of so many callers."""

    times: int
    callers: int
    seconds: float = 0.0
    served_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    refused_after: list[float] = field(default_factory=list)  # milliseconds, of the caller apart
    codes: Counter[str] = field(default_factory=Counter)
    without_retry: int = 0
    failed: Counter[str] = field(default_factory=Counter)  # of those let in

    @property
    def goodput(self) -> float:
        """Sessions' worth of speech served at any time."""
        return self.served_seconds / self.seconds


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, slots=(12, 4), seconds=(40.0, 12.0), busy=(0, 0))
    play("overload", told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """Each arm for the same time on the same mesh."""
    room = {"ASR_SLOTS": str(told.slots // 2), "GATEWAY_SLOTS": str(10 * told.slots)}
    with folder(told) as kept:
        async with fleet(Plan(variables=room), Path(kept) / "mesh") as up, busy(told.busy):
            await offered(up, ARMS[0], told, WARM_SECONDS)
            arms = [await offered(up, times, told, told.seconds) for times in ARMS]
    return Outcome([table(arms)], goals(arms))


@asynccontextmanager
async def busy(count: int) -> AsyncIterator[None]:
    """Has so many programs compute for the block."""
    started = [await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass") for _ in range(count)]
    try:
        yield
    finally:
        for each in started:
            each.kill()
            await each.wait()


async def offered(up: Fleet, times: int, told: argparse.Namespace, seconds: float) -> Arm:
    """So many callers for a while; what they began is finished."""
    arm = Arm(times, times * told.slots)
    random = Random(told.seed)
    began = time.monotonic()
    until = began + seconds
    async with babelmesh.connect(up.address) as mesh, asyncio.TaskGroup() as group:
        for number in range(arm.callers):
            group.create_task(caller(mesh, arm, number + 1, (until, random.random())))
        if times > 1:
            arm.refused_after += await knocked(up.address, seconds)
    arm.seconds = time.monotonic() - began
    return arm


async def caller(mesh: babelmesh.Mesh, arm: Arm, number: int, times: tuple[float, float]) -> None:
    """One session after the other, the first a moment late, until the time is over."""
    until, late = times
    await asyncio.sleep(late)
    while time.monotonic() < until:
        let_in = False
        try:
            async with mesh.session("en", ("es",), Wishes().hello()) as session:
                let_in = True
                async for event in session.translate(said(number)):
                    if isinstance(event, babelmesh.Latency):
                        arm.latencies.append((event.sent_ms - event.captured_ms) / 1000)
            arm.served_seconds += SESSION_SAMPLES / ASR_RATE
        except babelmesh.SessionFailed as refusal:
            if let_in:
                arm.failed[refusal.code] += 1
                continue
            arm.refused += 1
            arm.codes[refusal.code] += 1
            arm.without_retry += refusal.retry_after_ms is None
            await asyncio.sleep(min(LONGEST_WAIT_SECONDS, max(0.05, (refusal.retry_after_ms or 0) / 1000)))


SESSION_SAMPLES = speech.samples(speech.PERIOD_MS * UTTERANCES)


async def said(speaker: int) -> AsyncIterator[babelmesh.Chunk]:
    """A short session's audio, in real time."""
    count, began = speech.samples(speech.CHUNK_MS), time.monotonic()
    for position in range(0, SESSION_SAMPLES, count):
        await asyncio.sleep(max(0.0, began + (position + count) / ASR_RATE - time.monotonic()))
        yield babelmesh.Chunk(speech.chunk(speaker, position, count), position)


def table(arms: Sequence[Arm]) -> Rows:
    """One row an arm."""
    columns = (
        "offered",
        "callers",
        "goodput",
        "latency p95",
        "refused",
        "p95 ms",
        "p99",
        "as",
        "without RetryInfo",
        "failed",
    )
    rows = Rows("Sessions offered, times capacity", columns)
    for arm in arms:
        refused = [share(arm.refused_after, part) if arm.refused_after else None for part in (0.95, 0.99)]
        served = (arm.times, arm.callers, arm.goodput, share(arm.latencies, 0.95))
        rows.add(*served, arm.refused, *refused, listed(arm.codes), arm.without_retry, listed(arm.failed))
    return rows


def listed(codes: Counter[str]) -> str:
    """In one cell."""
    return ", ".join(f"{code} {count}" for code, count in codes.items())


def goals(arms: Sequence[Arm]) -> dict[str, Goal]:
    """The door holds."""
    usual, *more = arms
    codes = sum((arm.codes for arm in more), Counter[str]())
    longest = [share(arm.refused_after, 0.95) for arm in more if arm.refused_after]
    usual_p95 = share(usual.latencies, 0.95)
    return {
        "C6.goodput": at_least(min(arm.goodput for arm in more) / (usual.goodput or float("inf")), 0.9),
        "C6.admitted_p95": at_most(max(share(arm.latencies, 0.95) for arm in more) / usual_p95, 1.5),
        "C6.refused_ms": at_most(max(longest, default=float("inf")), 50.0),
        "C6.untyped": at_most(sum(count for code, count in codes.items() if code not in TYPED), 0),
        "C6.without_retry": at_most(sum(arm.without_retry for arm in more), 0),
        "C6.internal": at_most(sum(arm.codes["INTERNAL"] + arm.failed["INTERNAL"] for arm in arms), 0),
        "C6.admitted_failed": at_most(sum(arm.failed.total() for arm in arms), 0),
    }


if __name__ == "__main__":
    main()
