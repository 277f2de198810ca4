"""Tenants within quotas, over two gateways and a store that dies and comes back empty: who gets more, and who is hurt?

    python -m bench.strangers.quotas [--seconds 180]

Needs redis-server or valkey-server. Three tenants speak at both gateways, in real time: *patient* has room to spare,
*greedy* wants twice of what it may have a minute, and more than it may have a day, *crowd* opens three times as many
sessions as it may have at once. After a third of the time the store is killed, and after two thirds it starts anew,
with nothing in it. *Used* is all audio that the client has sent into sessions that were open, by minutes of the
calendar, *places* the most sessions open at once, as the client counts them: both no less than what was granted.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc

from babelmesh.client.gateways import CHANNEL_OPTIONS
from bench.measuring.issuer import bearer, token
from bench.measuring.redis_server import PROGRAM, RedisServer, redis_server
from bench.measuring.report import Rows, at_least, at_most, finish
from bench.strangers.two_gateways import two_gateways
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub

CHUNK_SECONDS = 0.2
SPEAKERS = 6  # of each tenant but the crowd
MINUTE_SECONDS = 180  # that the greedy one may have a minute: half of what its speakers say
PLACES, CROWD = 4, 12
CROWD_SECONDS = 1.0  # that a session of the crowd lasts
MOST = 1.05
SHORT_RETRY_SECONDS = 0.5
SOUND = pb.AudioFormat(format="pcm16le", sample_rate=16_000)
CAPTIONS = pb.Target(lang="es", delivery=pb.DELIVERY_CAPTIONS)


@dataclass(slots=True)
class Tenant:
    """What one tenant got, as its own clients count it."""

    name: str
    opened: int = 0
    open: int = 0
    most_open: int = 0
    used: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))  # seconds, by minute
    refusals: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)  # of sessions that ran

    @property
    def total(self) -> float:
        """Seconds of audio in all."""
        return sum(self.used.values())

    @property
    def worst(self) -> float:
        """Seconds of audio in the minute that had most."""
        return max(self.used.values(), default=0.0)


async def main(seconds: float) -> bool:
    """Prints the table; returns whether the quotas held and nobody within them was hurt."""
    day_seconds = MINUTE_SECONDS * seconds / 60 * 0.75
    tenants = [Tenant("patient"), Tenant("greedy"), Tenant("crowd")]
    patient, greedy, crowd = tenants
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="babelmesh-bench-")))
        store = await stack.enter_async_context(redis_server(folder))
        variables = {"GATEWAY_QUOTAS_URL": store.url, "GATEWAY_CALLS_PER_SECOND": "10000"}
        gateways = await stack.enter_async_context(two_gateways(folder, _classes(day_seconds), variables))
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(each.address, options=CHANNEL_OPTIONS))
            for each in gateways
        ]
        await asyncio.sleep(4)  # a store that has just started grants nothing
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(_dies(store, seconds))
            for number in range(SPEAKERS):
                group.create_task(_speaks(patient, channels, number, until))
                group.create_task(_speaks(greedy, channels, number, until))
            for number in range(CROWD):
                group.create_task(_crowds(crowd, channels, number, until))
    goals = {
        "quotas.minute": at_most(greedy.worst / MINUTE_SECONDS, MOST),
        "quotas.day": at_most(greedy.total / day_seconds, MOST),
        "quotas.places": at_most(crowd.most_open / PLACES, MOST),
        "quotas.used_of_day": at_least(greedy.total / day_seconds, 0.8),
        "quotas.patient_ended": at_most(patient.ends.total(), 0),
    }
    return finish("quotas", [_table(tenants)], goals)


def _classes(day_seconds: float) -> dict[str, object]:
    return {
        "default": {},
        "patient": {"sessions": 100, "audio_minutes": {"minute": 60, "day": 10_000}},
        "greedy": {"audio_minutes": {"minute": MINUTE_SECONDS / 60, "day": day_seconds / 60}},
        "crowd": {"sessions": PLACES},
    }


async def _dies(store: RedisServer, seconds: float) -> None:
    """Kills the store for the middle third of the time."""
    await asyncio.sleep(seconds / 3)
    await store.kill()
    await asyncio.sleep(seconds / 3)
    await store.start()


async def _opened(tenant: Tenant, channel: grpc.aio.Channel) -> tuple[Any, pb.Error | None]:
    """A session of a tenant; or the refusal."""
    shown = bearer(token(tenant=tenant.name, quota=tenant.name))
    call = RealtimeTranslateStub(channel).Stream(metadata=shown)
    hello = pb.SessionConfig(source_lang="en", targets=[CAPTIONS], input=SOUND)
    try:
        await call.write(pb.ClientMessage(hello=hello))
        answer = await call.read()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return call, pb.Error(code="LOST")
    if isinstance(answer, pb.ServerMessage) and answer.HasField("ready"):
        tenant.opened += 1
        return call, None
    call.cancel()
    return call, answer.error if isinstance(answer, pb.ServerMessage) else pb.Error(code="LOST")


async def _speaks(tenant: Tenant, channels: Sequence[grpc.aio.Channel], number: int, until: float) -> None:
    """One speaker: goes on in another session when one has ended, once it was told that it may."""
    while time.monotonic() < until:
        call, refusal = await _opened(tenant, channels[number % len(channels)])
        if refusal is not None:
            tenant.refusals[refusal.code] += 1
        elif ended := await _spoken(tenant, call, until):
            tenant.ends[ended.code] += 1
            refusal = ended
        else:
            return
        wait = refusal.retry_after_ms / 1000 or SHORT_RETRY_SECONDS
        await asyncio.sleep(max(0.0, min(wait, until - time.monotonic())))


async def _spoken(tenant: Tenant, call: Any, until: float) -> pb.Error | None:
    """Speaks into a session until the time is over; or until it is ended, with the error by which it was."""
    ended: list[pb.Error] = []
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(_read(call, ended))
        due = time.monotonic()
        chunk = pb.ClientMessage(audio=pb.AudioChunk(data=bytes(round(2 * 16_000 * CHUNK_SECONDS))))
        try:
            while not ended and not reading.done() and time.monotonic() < until:
                tenant.used[int(time.time() // 60)] += CHUNK_SECONDS
                await call.write(chunk)
                due += CHUNK_SECONDS
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the reader knows why
    return ended[0] if ended else None


async def _read(call: Any, ended: list[pb.Error]) -> None:
    try:
        while isinstance(message := await call.read(), pb.ServerMessage):
            if message.HasField("error") and message.error.fatal:
                ended.append(message.error)
    except grpc.aio.AioRpcError as error:
        if not ended:
            ended.append(pb.Error(code=error.code().name))


async def _crowds(tenant: Tenant, channels: Sequence[grpc.aio.Channel], number: int, until: float) -> None:
    """One of a crowd: opens a short session as often as it may."""
    while time.monotonic() < until:
        call, refusal = await _opened(tenant, channels[number % len(channels)])
        if refusal is not None:
            tenant.refusals[refusal.code] += 1
            await asyncio.sleep(refusal.retry_after_ms / 1000 or SHORT_RETRY_SECONDS)
            continue
        tenant.open += 1
        tenant.most_open = max(tenant.most_open, tenant.open)
        await asyncio.sleep(CROWD_SECONDS)
        tenant.open -= 1
        await call.done_writing()
        await _read(call, [])


def _table(tenants: Sequence[Tenant]) -> Rows:
    columns = ("tenant", "sessions", "most at once", "used s", "most in a minute", "refused", "ended")
    rows = Rows("Three tenants, two gateways, a store that dies", columns)
    for each in tenants:
        codes = [
            ", ".join(f"{code} {count}" for code, count in counted.most_common()) or None
            for counted in (each.refusals, each.ends)
        ]
        rows.add(each.name, each.opened, each.most_open or None, each.total or None, each.worst or None, *codes)
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180.0)
    told = parser.parse_args()
    if PROGRAM is None:
        sys.exit("Neither redis-server nor valkey-server is installed.")
    sys.exit(not asyncio.run(main(told.seconds)))
