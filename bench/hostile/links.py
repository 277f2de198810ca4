"""Connections and calls that are opened and left: never greeted, reset at the wrong moment, resumed many times over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from random import Random
from typing import Any

import grpc

from bench.hostile.calls import GIVEN_UP, SIX, Attack, Case, hello, sound, text
from bench.hostile.singles import LINES, RUNAWAY
from realtime.v1 import realtime_translate_pb2 as pb

CONNECTIONS = 20
STREAMS = 50  # on each
RESETS = 400
LEAST_SECONDS = 0.02  # of what an answer takes, by which resets are spread
PROBED = 20  # one session in so many waits for its answer, so that this is known on a busy machine too
SPEAKING_WITHIN_SECONDS = 0.05
RESUMES = 40
LIVES = 4  # sessions that a line is said in again, each after the death of the one before
LONG = "this is a rather long sentence that takes a while to be spoken by any voice at all, number {}"


async def ungreeted(attack: Attack) -> None:
    """A thousand streams on which nothing is ever said."""
    channels = [attack.connection() for _ in range(CONNECTIONS)]

    async def hold(call: Any) -> None:
        try:
            async with asyncio.timeout(max(0.1, attack.left)):
                await call.wait_for_connection()
                await call.read()
                attack.came["answered"] += 1
        except grpc.aio.AioRpcError as error:
            attack.came[error.code().name] += 1
        except TimeoutError:
            attack.came["held"] += 1
        finally:
            call.cancel()

    async with asyncio.TaskGroup() as group:
        for channel in channels:
            for _ in range(STREAMS):
                group.create_task(hold(attack.opened(channel)))
    for channel in channels:
        await channel.close()


async def resets(attack: Attack, speaking: bool) -> None:
    """Sessions that vanish at any moment between their hello and its answer, or while a line is being spoken."""
    random = Random(7)
    async with attack.channel() as channel:
        answer_seconds = LEAST_SECONDS
        for number in range(RESETS):
            if attack.left < -2 * attack.seconds:
                break
            waits = number % PROBED == 0 or speaking
            within = SPEAKING_WITHIN_SECONDS if speaking else random.choice((LEAST_SECONDS, 1.2 * answer_seconds))
            call, began = attack.opened(channel), asyncio.get_running_loop().time()
            try:
                await call.write(hello("es", "fr", "de") if speaking else hello(input=sound()))
                if waits and await attack.read(call):
                    answer_seconds = max(LEAST_SECONDS, asyncio.get_running_loop().time() - began)
                if speaking:
                    await call.write(text(LONG.format(number)))
                await asyncio.sleep(random.random() * within)
                attack.came["reset"] += 1
            except grpc.aio.AioRpcError as error:
                attack.came[error.code().name] += 1
            except GIVEN_UP as error:
                attack.came[type(error).__name__] += 1
            call.cancel()


async def one_handle(attack: Attack) -> None:
    """One handle, with which forty calls go on at the same moment."""
    first = hello()
    async with attack.stream() as call:
        await call.write(first)
        ready = await attack.read(call)
    if ready is None:
        return
    again = pb.ClientMessage()
    again.CopyFrom(first)
    again.hello.resume_handle = ready.ready.resume_handle

    async def go_on() -> None:
        async with attack.stream() as call:
            await call.write(again)
            if await attack.read(call):
                await asyncio.sleep(max(0.0, attack.left - 2))
                await call.write(text("hello there"))
                await call.done_writing()
                await attack.read_all(call)

    async with asyncio.TaskGroup() as group:
        for _ in range(RESUMES):
            group.create_task(go_on())


async def resumed_line(attack: Attack) -> None:
    """A line that costs much is said again in each session that goes on with the one that ended."""
    first, handle = hello(*SIX), ""
    for _ in range(LIVES):
        again = pb.ClientMessage()
        again.CopyFrom(first)
        again.hello.resume_handle = handle
        async with attack.stream() as call:
            await call.write(again)
            ready = await attack.read(call)
            handle = ready.ready.resume_handle if ready else handle
            for _ in range(LINES):
                await call.write(text(RUNAWAY))
            await call.done_writing()
            while message := await attack.read(call):
                handle = message.ack.resume_handle or handle
            if await call.code() is grpc.StatusCode.OK:
                return
        await asyncio.sleep(1.0)


LINKS: Mapping[str, Case] = {
    "streams, never greeted": ungreeted,
    "resets upon hello": partial(resets, speaking=False),
    "resets while a voice speaks": partial(resets, speaking=True),
    "one handle, 40 calls": one_handle,
    "a costly line, resumed": resumed_line,
}
