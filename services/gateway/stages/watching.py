"""What a replica tells of itself, and when its silence is longer than we are patient."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import grpc

from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from services.common.states import State
from services.gateway.values.stages import Status

TICKS = 3  # looks at the clock in the time a replica may be silent: so far is a stall of our own told from its silence
SILENT, CUT_OFF = "silent", "cut off"  # reasons to leave a connection that say nothing about the replica
_UNHEARD = ("ping timeout", "keepalive")
STATES: dict[int, State] = {state.value: state for state in State}


class Silence:
    """How long a peer has been silent, as far as we were there to hear it. Times in seconds on one monotonic clock."""

    def __init__(self, patience: float, now: float) -> None:
        self.patience = patience
        self._since = now

    def heard(self, now: float) -> None:
        """Note that the peer said something."""
        self._since = now

    def stalled(self, seconds: float, now: float) -> None:
        """Take off the time that we ourselves did not run: it proves nothing about the peer."""
        self._since = min(now, self._since + seconds)

    def left(self, now: float) -> float:
        """How much longer it may be silent; nothing or less when that is over."""
        return self._since + self.patience - now


async def watch(channel: grpc.aio.Channel, silence: Silence, heard: Callable[[Status], None]) -> str:
    """Hands on what a replica tells, until it tells no more; returns why: "stuck", or how the call ended.

    `silence` is told of each word.
    """
    call = stage_pb2_grpc.StageStub(channel).Watch(stage_pb2.WatchRequest())
    try:
        while isinstance(response := await call.read(), stage_pb2.WatchResponse):
            silence.heard(time.monotonic())
            state = STATES.get(response.state, State.UNKNOWN)
            heard(_status(state, response))
            if state is State.STUCK:
                return "stuck"
    except grpc.aio.AioRpcError as error:
        return CUT_OFF if unheard(error) else error.code().name
    finally:
        call.cancel()
    return "ended"


async def answers(channel: grpc.aio.Channel, seconds: float) -> bool:
    """Whether a replica tells its state over a connection, within so long."""
    call = stage_pb2_grpc.StageStub(channel).Watch(stage_pb2.WatchRequest())
    try:
        async with asyncio.timeout(seconds):
            return isinstance(await call.read(), stage_pb2.WatchResponse)
    except (grpc.aio.AioRpcError, TimeoutError):
        return False
    finally:
        call.cancel()


def unheard(error: grpc.aio.AioRpcError) -> bool:
    """Whether gRPC gave a connection up since nothing was heard on it: the peer may be there. Its words alone tell."""
    return any(words in (error.details() or "").lower() for words in _UNHEARD)


def _status(state: State, told: stage_pb2.WatchResponse) -> Status:
    slots = (told.slots_total, told.slots_used)
    tiers = tuple((tier.name, tier.sessions) for tier in told.tiers)
    return Status(state, *slots, told.queue_seconds, told.fill, tiers, told.turned_away)


async def fall_silent(silence: Silence) -> None:
    """Returns when a peer has been silent for longer than we are patient."""
    while (left := silence.left(before := time.monotonic())) > 0:
        pause = min(silence.patience / TICKS, left)
        await asyncio.sleep(pause)
        now = time.monotonic()
        silence.stalled(max(0.0, now - before - pause), now)
