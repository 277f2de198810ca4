"""A connection to whichever of several addresses answers first, over a network that may be dead for a while.

One attempt after the other would be slow where packets vanish: each waits for its own, and TCP sends a lost one again
ever more rarely. So attempts overlap: one is begun every fraction of a second, and each may take long enough for a slow
link. `bench/chaos/reconnect.py` measures it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import grpc

from babelmesh.client.dialling import PLAIN, Dialling

PACE_SECONDS = 0.4  # between the starts of two attempts, a quarter more or less: many clients come back at once
PATIENCE_SECONDS = 5.0  # with one attempt
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)  # else attempts at one address would share a single one


@dataclass(frozen=True, slots=True)
class Reached:
    """An open connection, which its receiver must close."""

    channel: grpc.aio.Channel
    address: str


async def reached(addresses: Sequence[str], options: Sequence[tuple[str, Any]], dial: Dialling = PLAIN) -> Reached:
    """Connect to the first of the addresses that answers, retrying for as long as the caller waits."""
    first: asyncio.Future[Reached] = asyncio.get_running_loop().create_future()
    try:
        async with asyncio.TaskGroup() as attempts:
            tasks: list[asyncio.Task[None]] = []
            for number, address in enumerate(cycle(addresses), 1):
                channel = dial.channel(address, [*options, *OWN_CONNECTION])
                task = attempts.create_task(_attempt(channel, address, first))
                tasks = [task, *(each for each in tasks if not each.done())]
                enough = (first, task) if number % len(addresses) else (first,)  # who refuses is not waited for
                pace = PACE_SECONDS * random.uniform(0.75, 1.25)
                await asyncio.wait(enough, timeout=pace, return_when=asyncio.FIRST_COMPLETED)
                if first.done():
                    break
            for task in tasks:
                task.cancel()
    except BaseException:
        if first.done():  # reached in the moment it was cancelled
            await first.result().channel.close()
        raise
    return first.result()


async def _attempt(channel: grpc.aio.Channel, address: str, first: asyncio.Future[Reached]) -> None:
    won = False
    try:
        won = await _is_ready(channel) and not first.done()
        if won:
            first.set_result(Reached(channel, address))
    finally:
        if not won:
            await channel.close()


async def _is_ready(channel: grpc.aio.Channel) -> bool:
    """Return whether the channel connects at the first try: gRPC's own next try would come later than ours."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            state = channel.get_state(try_to_connect=True)
            while state in (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING):
                await channel.wait_for_state_change(state)
                state = channel.get_state()
    except TimeoutError:
        return False
    return state is grpc.ChannelConnectivity.READY
