"""What a replica tells of itself, and when its silence means that it is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc

from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from services.common.cancelling import TaskGroup
from services.common.status import State

TICKS = 4  # looks at the clock in the time a replica may be silent: so far is a stall of our own told from its silence


STATES: dict[int, State] = {state.value: state for state in State}


@dataclass(frozen=True, slots=True)
class Status:
    """A replica's own word."""

    state: State = State.UNKNOWN
    slots_total: int = 0
    slots_used: int = 0
    queue_seconds: float = 0.0  # how long work waits for its engine of late
    fill: float = 0.0  # share in use of what its engine can work on at once
    tiers: tuple[tuple[str, int], ...] = ()  # of a stage, from small to large, and how many sessions are on each
    turned_away: int = 0  # sessions it refused for want of a place that are about to ask again: a gateway's


@dataclass(frozen=True, slots=True)
class Seen:
    """A replica as it is seen from here."""

    number: int  # what it is called in logs
    status: Status  # of state UNKNOWN while it is lost
    address: str = field(default="", repr=False)  # never told to anyone but the platform it is from


class Silence:
    """How long a peer has been silent, as far as we were there to hear it. Times in seconds on one monotonic clock."""

    def __init__(self, patience: float, now: float) -> None:
        self._patience = patience
        self._since = now

    def heard(self, now: float) -> None:
        """It said something."""
        self._since = now

    def stalled(self, seconds: float, now: float) -> None:
        """So long we ourselves did not run: that proves nothing about the peer."""
        self._since = min(now, self._since + seconds)

    def left(self, now: float) -> float:
        """How much longer it may be silent; nothing or less when it is gone."""
        return self._since + self._patience - now


async def watch(channel: grpc.aio.Channel, patience: float, heard: Callable[[Status], None]) -> str:
    """Hands on what a replica tells, until it is lost; returns why: "silent", "stuck", or how the call ended."""
    silence = Silence(patience, time.monotonic())
    async with TaskGroup() as tasks:
        reading = tasks.create_task(_read(channel, silence, heard))
        waiting = tasks.create_task(_fall_silent(silence, patience / TICKS))
        done, _ = await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
        reading.cancel()
        waiting.cancel()
    return done.pop().result()


async def _read(channel: grpc.aio.Channel, silence: Silence, heard: Callable[[Status], None]) -> str:
    call = stage_pb2_grpc.StageStub(channel).Watch(stage_pb2.WatchRequest())
    try:
        while isinstance(response := await call.read(), stage_pb2.WatchResponse):
            silence.heard(time.monotonic())
            state = STATES.get(response.state, State.UNKNOWN)
            heard(_status(state, response))
            if state is State.STUCK:
                return "stuck"
    except grpc.aio.AioRpcError as error:
        return error.code().name
    finally:
        call.cancel()
    return "ended"


def _status(state: State, told: stage_pb2.WatchResponse) -> Status:
    slots = (told.slots_total, told.slots_used)
    tiers = tuple((tier.name, tier.sessions) for tier in told.tiers)
    return Status(state, *slots, told.queue_seconds, told.fill, tiers, told.turned_away)


async def _fall_silent(silence: Silence, tick: float) -> str:
    while (left := silence.left(before := time.monotonic())) > 0:
        pause = min(tick, left)
        await asyncio.sleep(pause)
        now = time.monotonic()
        silence.stalled(max(0.0, now - before - pause), now)
    return "silent"
