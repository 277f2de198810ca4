"""Many tenants at one gateway, one of them asking for everything: do the others get in, and are they served as ever?

    python -m bench.strangers.tenants [--short] [--tenants 50] [--sessions 500] [--slots 64] [--seconds 60] [--pairs 1]

Each tenant opens its part of the sessions, typed text, at random moments of the run; each types lines and waits for
their translations. The greedy tenant, in a process of its own, wants as many sessions at once as there are slots, ends
none of them by itself, and asks again a fifth of a second after a refusal, whatever it was told.

*Admission*: sessions of the other tenants that got `ready`, over those they asked for. As our client does, one that is
refused asks again after exactly as long as it was told; it gives up ten seconds after it asked first. *Latency*: from a
line to its final translation, of the other tenants. Both arms run in pairs, one after the other, each on a fresh mesh;
each goal is for the median of the pairs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Any

import grpc

from babelmesh.client.gateways import CHANNEL_OPTIONS
from bench.measuring.processes import SCRIPTED, local_mesh
from bench.measuring.report import Goal, Rows, at_least, at_most, finish, percentile
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub

KEY = "x-tenant"
GREEDY = "greedy"
PATIENCE_SECONDS = 10.0
IMPATIENCE_SECONDS = 0.2  # of the greedy one, between two tries
LINES = 4
LINE_SECONDS = 0.4  # between two lines
WARM_SECONDS = 3.0  # the greedy one comes first


@dataclass(slots=True)
class Arm:
    """What became of the sessions of all tenants but the greedy one."""

    name: str
    asked: int = 0
    admitted: int = 0
    failed: Counter[str] = field(default_factory=Counter)  # of those admitted
    refusals: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)  # seconds until admission
    lines: list[float] = field(default_factory=list)  # seconds until the final translation

    @property
    def admission(self) -> float:
        """The share of the sessions asked for that got in."""
        return self.admitted / self.asked

    @property
    def p95(self) -> float:
        """Of the lines, in seconds."""
        return percentile(self.lines, 0.95) or float("inf")


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a rehearsal: fewer sessions, one pair")
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--greedy", default="", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.greedy:
        asyncio.run(grab(told.greedy, told.slots))
        return
    if told.short:
        told.sessions, told.seconds, told.pairs = told.sessions // 5, told.seconds / 5, 1
    pairs = [asyncio.run(pair(told, number)) for number in range(told.pairs)]
    name = "tenants-short" if told.short else "tenants"
    sys.exit(not finish(name, [table([arm for each in pairs for arm in each])], goals(pairs)))


async def pair(told: argparse.Namespace, number: int) -> tuple[Arm, Arm]:
    """The same sessions without the greedy tenant, and with it."""
    return await run(told, number, with_greedy=False), await run(told, number, with_greedy=True)


async def run(told: argparse.Namespace, seed: int, with_greedy: bool) -> Arm:
    """One arm, on a mesh of its own."""
    arm = Arm("with the greedy one" if with_greedy else "without")
    room = {**SCRIPTED, "GATEWAY_SLOTS": str(told.slots), "GATEWAY_TENANT_METADATA": KEY, "MT_SLOTS": "256"}
    others = told.tenants - 1
    async with local_mesh(room) as mesh, greed(mesh.address, told.slots if with_greedy else 0):
        await asyncio.sleep(WARM_SECONDS)
        async with grpc.aio.insecure_channel(mesh.address, options=CHANNEL_OPTIONS) as channel:
            stub, random = RealtimeTranslateStub(channel), Random(seed)
            async with asyncio.TaskGroup() as group:
                for index in range(told.sessions * others // told.tenants):
                    late = random.uniform(0, told.seconds)
                    group.create_task(session(stub, arm, f"tenant-{index % others}", late))
    return arm


async def session(stub: Any, arm: Arm, tenant: str, late: float) -> None:
    """One session of a tenant: asked for, again where it is refused, and used."""
    await asyncio.sleep(late)
    arm.asked += 1
    asked = time.monotonic()
    while time.monotonic() < asked + PATIENCE_SECONDS:
        call = stub.Stream(metadata=((KEY, tenant),))
        refusal = await opened(call)
        if refusal is None:
            arm.admitted += 1
            arm.waits.append(time.monotonic() - asked)
            return await typed(call, arm)
        arm.refusals[refusal.code] += 1
        await asyncio.sleep(refusal.retry_after_ms / 1000)
    return None


async def opened(call: Any) -> pb.Error | None:
    """Greets; the refusal, if it is one."""
    try:
        await call.write(pb.ClientMessage(hello=pb.SessionConfig(source_lang="en-US", targets=[pb.Target(lang="es")])))
        answer = await call.read()
    except grpc.aio.AioRpcError as error:
        return pb.Error(code=error.code().name, retry_after_ms=500)
    if isinstance(answer, pb.ServerMessage) and answer.HasField("ready"):
        return None
    call.cancel()
    return answer.error if isinstance(answer, pb.ServerMessage) else pb.Error(code="EOF", retry_after_ms=500)


async def typed(call: Any, arm: Arm) -> None:
    """Types the lines, each once the one before it was translated, and ends."""
    try:
        for number in range(LINES):
            await asyncio.sleep(LINE_SECONDS)
            began = time.monotonic()
            await call.write(pb.ClientMessage(text=pb.TextChunk(text=f"line {number} of it", final=True)))
            await translated(call)
            arm.lines.append(time.monotonic() - began)
        await call.done_writing()
        while isinstance(await call.read(), pb.ServerMessage):
            pass
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError, Ended) as error:
        arm.failed[str(error) if isinstance(error, Ended) else type(error).__name__] += 1


class Ended(Exception):
    """A session ended before its line was translated; the text is the code."""


async def translated(call: Any) -> None:
    """Waits for a final translation. Raises Ended."""
    while isinstance(message := await call.read(), pb.ServerMessage):
        if message.HasField("error") and message.error.fatal:
            raise Ended(message.error.code)
        if message.HasField("translation") and message.translation.final:
            return
    raise Ended("EOF")


@asynccontextmanager
async def greed(address: str, callers: int) -> AsyncIterator[None]:
    """The greedy tenant for the block, in a process of its own; none without callers."""
    if not callers:
        yield
        return
    command = ("-m", "bench.strangers.tenants", "--greedy", address, "--slots", str(callers))
    child = await asyncio.create_subprocess_exec(sys.executable, *command, env=dict(os.environ))
    try:
        yield
    finally:
        child.terminate()
        await child.wait()


async def grab(address: str, callers: int) -> None:
    """Asks for so many sessions at once, and holds what it gets."""
    async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel, asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(hold(RealtimeTranslateStub(channel)))


async def hold(stub: Any) -> None:
    """Keeps a session for as long as it is let, and asks for the next one."""
    while True:
        call = stub.Stream(metadata=((KEY, GREEDY),))
        if await opened(call) is None:
            try:
                while isinstance(await call.read(), pb.ServerMessage):
                    pass
            except grpc.aio.AioRpcError:
                pass  # it was taken away: the next one is asked for
        await asyncio.sleep(IMPATIENCE_SECONDS)


def table(arms: Sequence[Arm]) -> Rows:
    """One row an arm."""
    columns = ("tenants but the greedy one", "sessions", "admission", "wait p95 s", "refusals", "line p50 ms", "p95 ms")
    rows = Rows("Typed sessions of many tenants", (*columns, "failed"))
    for arm in arms:
        refusals = ", ".join(f"{code} {count}" for code, count in arm.refusals.items()) or None
        p50 = percentile(arm.lines, 0.5)
        lines = (1000 * p50 if p50 is not None else None, 1000 * arm.p95)
        rows.add(arm.name, arm.asked, arm.admission, percentile(arm.waits, 0.95), refusals, *lines, arm.failed.total())
    return rows


def goals(pairs: Sequence[tuple[Arm, Arm]]) -> dict[str, Goal]:
    """The others do not notice the greedy one."""
    return {
        "tenants.admission": at_least(median(greedy.admission for _, greedy in pairs), 0.99),
        "tenants.admission_without": at_least(median(quiet.admission for quiet, _ in pairs), 0.99),
        "tenants.p95": at_most(median(greedy.p95 / quiet.p95 for quiet, greedy in pairs), 1.2),
        "tenants.failed": at_most(sum(arm.failed.total() for each in pairs for arm in each), 0),
    }


if __name__ == "__main__":
    main()
