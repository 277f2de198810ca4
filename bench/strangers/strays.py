"""Clients that vanish at a random moment: the other side of `bench.strangers.resets`, in a process of its own.

    echo RESETS SECONDS | python -m bench.strangers.strays ADDRESS [--seed 1]

Half of them reset their stream on a connection that stays, half close their connection. They vanish within 20 ms of
`hello`, while they speak, or while voices speak to them. For each line of its input it
prints, as JSON, how many there were and by which statuses their calls had ended before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import grpc

from babelmesh.client.events import AudioChunk, AudioFormat, ClientMessage, ServerMessage, SessionConfig
from babelmesh.client.gateways import CHANNEL_OPTIONS
from bench.chaos import speech
from realtime.v1.realtime_translate_pb2 import Target, TextChunk
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from services.common.audio.pcm import ASR_RATE

if TYPE_CHECKING:
    Call: TypeAlias = grpc.aio.StreamStreamCall[ClientMessage, ServerMessage]

GIVES_WAY = 10  # in niceness: these stand for clients that have machines of their own
AT_ONCE = 24  # more wait for one of these to vanish
SOON_SECONDS = 0.02
SPEAKING_SECONDS = 0.6
SPOKEN_TO_SECONDS = 0.1
LANGS = ("es", "fr", "de")
TEXT = (
    "this is a rather long sentence that takes a while to be spoken by any voice at all, and here is another one of it"
)
SPOKEN = SessionConfig(
    source_lang="en",
    targets=[Target(lang="es")],
    input=AudioFormat(format="pcm16le", sample_rate=ASR_RATE),
)
TYPED = SessionConfig(source_lang="en", targets=[Target(lang=lang) for lang in LANGS])


@dataclass(slots=True)
class Strays:
    """So many clients, each of which vanishes at a moment of its own."""

    address: str
    random: random.Random
    refused: Counter[str] = field(default_factory=Counter)
    vanished: int = 0

    async def run(self, resets: int, seconds: float) -> None:
        """Has them come at random moments, as many as were asked for, over that time."""
        moments = sorted(self.random.uniform(0, seconds) for _ in range(resets))
        places = asyncio.Semaphore(AT_ONCE)
        clock = asyncio.get_running_loop().time
        began = clock()
        async with (
            grpc.aio.insecure_channel(self.address, options=CHANNEL_OPTIONS) as stays,
            asyncio.TaskGroup() as clients,
        ):
            for moment in moments:
                await asyncio.sleep(max(0.0, began + moment - clock()))
                await places.acquire()
                client = clients.create_task(self._one(stays))
                client.add_done_callback(lambda _: places.release())

    async def _one(self, stays: grpc.aio.Channel) -> None:
        way = self.random.choice((self._greets, self._speaks, self._is_spoken_to))
        if self.random.random() < 0.5:
            await self._vanish(stays, way)
            return
        channel = grpc.aio.insecure_channel(
            self.address, options=(*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1))
        )
        await self._vanish(channel, way)
        await channel.close()

    async def _vanish(self, channel: grpc.aio.Channel, way: Callable[[Call], object]) -> None:
        call: Call = RealtimeTranslateStub(channel).Stream()
        try:
            with suppress(asyncio.InvalidStateError):
                await way(call)  # type: ignore[misc]  # each is a coroutine
        except grpc.aio.AioRpcError as error:
            self.refused[error.code().name] += 1
        finally:
            call.cancel()
            self.vanished += 1

    async def _greets(self, call: Call) -> None:
        await call.write(ClientMessage(hello=SPOKEN))
        await asyncio.sleep(self.random.uniform(0, SOON_SECONDS))

    async def _speaks(self, call: Call) -> None:
        await call.write(ClientMessage(hello=SPOKEN))
        count, speaker = speech.samples(speech.CHUNK_MS), self.random.randrange(500, 600)
        for number in range(round(self.random.uniform(0, SPEAKING_SECONDS) * ASR_RATE) // count):
            data = speech.chunk(speaker, number * count, count)
            await call.write(ClientMessage(audio=AudioChunk(data=data, offset_samples=number * count)))
            await asyncio.sleep(speech.CHUNK_MS / 1000)
        await asyncio.sleep(self.random.uniform(0, SOON_SECONDS))

    async def _is_spoken_to(self, call: Call) -> None:
        await call.write(ClientMessage(hello=TYPED))
        await call.read()
        await call.write(ClientMessage(text=TextChunk(text=TEXT, final=True)))
        await asyncio.sleep(self.random.uniform(0, SPOKEN_TO_SECONDS))


async def served(address: str, seed: int) -> None:
    """Has clients come for each line of standard input, and prints what came of them."""
    strays = Strays(address, random.Random(seed))
    while line := await asyncio.to_thread(sys.stdin.readline):
        resets, seconds = line.split()
        strays.vanished, strays.refused = 0, Counter()
        await strays.run(int(resets), float(seconds))
        sys.stdout.write(json.dumps({"vanished": strays.vanished, "refused": strays.refused}) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Ends with its standard input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    os.nice(GIVES_WAY)
    asyncio.run(served(told.address, told.seed))


if __name__ == "__main__":
    main()
