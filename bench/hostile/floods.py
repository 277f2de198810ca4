"""Much of something small, as fast as one connection takes it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import grpc

from bench.hostile.calls import GIVEN_UP, SIX, Attack, Case, audio, control, hello, sound, text
from mesh.overview.v1 import overview_pb2, overview_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc

SAMPLE = bytes(2)
SILENCE = bytes(16_000)
STREAMINFO = b"fLaC\x00\x00\x00\x22" + bytes(34)
PADDING = bytes([1, 0, 0, 0]) * 60_000  # empty blocks of metadata
DICTIONARY = pb.Glossary(
    terms=[pb.GlossaryTerm(source=f"term {number}", translations={"es": f"t{number}"}) for number in range(500)]
)

CONNECTIONS = 10
WATCHERS = 60  # on each connection
CALLERS = 8

Make = Callable[[int], pb.ClientMessage]


async def flooded(attack: Attack, make: Make, first: pb.ClientMessage, reads: bool = True) -> None:
    """One session that sends message after message for as long as the attack lasts."""
    async with attack.stream() as call:
        await call.write(first)
        if not await attack.read(call):
            return
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(attack.read_all(call)) if reads else None
            with suppress(grpc.aio.AioRpcError, *GIVEN_UP):
                async with asyncio.timeout(max(0.1, attack.left)):
                    for number in range(10**9):
                        await call.write(make(number))
                        attack.came["sent"] += 1
            call.cancel()
            if reading:
                reading.cancel()


def flood(make: Make, first: pb.ClientMessage, reads: bool = True) -> Case:
    """Such a session as a case."""
    return partial(flooded, make=make, first=first, reads=reads)


async def describes(attack: Attack) -> None:
    """Asks what there is, many at once."""
    async with attack.channel() as channel:
        stub = pb_grpc.RealtimeTranslateStub(channel)

        async def ask() -> None:
            while attack.left > 0:
                try:
                    await stub.Describe(pb.DescribeRequest(), timeout=5, metadata=attack.metadata)
                    attack.came["OK"] += 1
                except grpc.aio.AioRpcError as error:
                    attack.came[error.code().name] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(5 * CALLERS):
                group.create_task(ask())


async def connects(attack: Attack) -> None:
    """Connects, begins HTTP/2 and leaves."""
    host, _, port = attack.addresses["gateway"].rpartition(":")
    while attack.left > 0:
        try:
            with socket.create_connection((host, int(port)), 2) as connection:
                connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            attack.came["sent"] += 1
        except OSError as error:
            attack.came[type(error).__name__] += 1
        await asyncio.sleep(0)


async def hellos(attack: Attack) -> None:
    """Opens sessions and resets them upon the first answer."""

    async def come_and_go() -> None:
        async with attack.channel() as channel:
            while attack.left > 0:
                call = attack.opened(channel)
                try:
                    await call.write(hello(*SIX))
                    await attack.read(call)
                except grpc.aio.AioRpcError as error:
                    attack.came[error.code().name] += 1
                except GIVEN_UP as error:
                    attack.came[type(error).__name__] += 1
                call.cancel()

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(come_and_go())


async def watchers(attack: Attack, of: str) -> None:
    """Watches the mesh, or the gateway's state, hundreds of times at once."""

    async def watch(channel: grpc.aio.Channel) -> None:
        try:
            if of == "mesh":
                overview = overview_pb2_grpc.OverviewStub(channel)
                async for _ in overview.Watch(overview_pb2.WatchRequest(interval_ms=100), timeout=attack.left):
                    attack.came["read"] += 1
            else:
                async for _ in stage_pb2_grpc.StageStub(channel).Watch(stage_pb2.WatchRequest(), timeout=attack.left):
                    attack.came["read"] += 1
        except grpc.aio.AioRpcError as error:
            attack.came[error.code().name] += 1

    async with asyncio.TaskGroup() as group:
        channels = [attack.connection() for _ in range(CONNECTIONS)]
        for channel in channels:
            for _ in range(WATCHERS):
                group.create_task(watch(channel))
    for channel in channels:
        await channel.close()


def _flac(number: int) -> pb.ClientMessage:
    return audio((STREAMINFO, PADDING)[number] if number < 2 else b"\x01")


FLOODS: Mapping[str, Case] = {
    "pings": flood(lambda n: control("ping", marker="x"), hello()),
    "pings of six targets": flood(lambda n: control("ping", marker="x"), hello(*SIX)),
    "pings, answers unread": flood(lambda n: control("ping", marker="x" * 64), hello(), reads=False),
    "one sample a chunk": flood(lambda n: audio(SAMPLE), hello(input=sound())),
    "one sample a chunk, 8 kHz": flood(lambda n: audio(SAMPLE), hello(input=sound(8_000))),
    "one sample a chunk, 47999 Hz": flood(lambda n: audio(SAMPLE), hello(input=sound(47_999))),
    "empty chunks": flood(lambda n: audio(b""), hello(input=sound())),
    "silence, fast": flood(lambda n: audio(SILENCE), hello(input=sound())),
    "silence, fast, skipped": flood(lambda n: audio(SILENCE), hello(input=sound(), overload=3)),
    "offsets that jump, 8 kHz": flood(lambda n: audio(SAMPLE, offset_samples=100 * n), hello(input=sound(8_000))),
    "offsets that jump, 47999 Hz": flood(lambda n: audio(SAMPLE, offset_samples=100 * n), hello(input=sound(47_999))),
    "text by the letter": flood(lambda n: text("a" if n < 1_990 else "", False), hello(*SIX, partial_results=True)),
    "empty texts": flood(lambda n: text("", False), hello()),
    "short lines": flood(lambda n: text("hi"), hello(*SIX, partial_results=True)),
    "targets changed": flood(lambda n: control("set_target_lang", targets=[pb.Target(lang=SIX[n % 2])]), hello()),
    "glossaries changed": flood(lambda n: control("set_dictionary", glossary=DICTIONARY), hello()),
    "commits": flood(lambda n: control("commit"), hello(input=sound())),
    "interrupts": flood(lambda n: control("interrupt"), hello()),
    "FLAC that is metadata": flood(_flac, hello(input=sound(name="flac"))),
    "descriptions": describes,
    "connections": connects,
    "hellos, reset": hellos,
    "watchers of the mesh": partial(watchers, of="mesh"),
    "watchers of the state": partial(watchers, of="state"),
}
