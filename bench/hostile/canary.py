"""Another client beside those that do harm: it types a line again and again, and is to be answered all the while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from bench.measuring.all_doors import NO_KEY, Key
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc

TENANT = "x-tenant"  # the metadata key that says whose a call is; the canary is nobody's neighbour
ALONE = (("grpc.use_local_subchannel_pool", 1),)


@dataclass(slots=True)
class Canary:
    """A client, and how long each of its lines took to come back translated.

    A line that did not come back in `patience_seconds`, or whose session ended, counts as having taken that long.
    """

    period_seconds: float = 0.3
    patience_seconds: float = 10.0
    key: Key = NO_KEY
    seconds: list[float] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _awake: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._awake.set()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Has it type no new line for the block, so that what is in use meanwhile is somebody else's."""
        self._awake.clear()
        try:
            yield
        finally:
            self._awake.set()

    def clear(self) -> None:
        """Forgets what was measured."""
        self.seconds.clear()
        self.complaints.clear()

    def taken_complaints(self) -> list[str]:
        """What went wrong since it was last asked."""
        complaints, self.complaints = self.complaints, []
        return complaints

    async def answered(self) -> None:
        """Waits until a line was answered, or was given up, that may be under way now."""
        count = len(self.seconds)
        while len(self.seconds) == count:  # noqa: ASYNC110 - at most as long as a line may take
            await asyncio.sleep(0.02)

    async def run(self, address: str) -> None:
        """Types until cancelled; a session that ends is opened again."""
        while True:
            async with self.key.channel(address, ALONE) as channel:
                metadata = self.key.metadata("canary") or ((TENANT, "canary"),)
                call: Any = pb_grpc.RealtimeTranslateStub(channel).Stream(metadata=metadata)
                try:
                    complaint = await self._type(call)
                except TimeoutError:
                    complaint = f"no answer within {self.patience_seconds:g} s"
                except grpc.aio.AioRpcError as error:
                    complaint = f"its session ended with {error.code().name} {error.details()}"[:200]
                finally:
                    call.cancel()
            self.complaints.append(complaint)
            self.seconds.append(self.patience_seconds)
            await asyncio.sleep(self.period_seconds)

    async def _type(self, call: Any) -> str:
        """Types lines for as long as the session goes on; why it ended."""
        hello = pb.SessionConfig(source_lang="en", targets=[pb.Target(lang="es")])
        self.key.agreed(hello)
        await call.write(pb.ClientMessage(hello=hello))
        number = 0
        while True:
            number += 1
            await self._awake.wait()
            began = time.monotonic()
            async with asyncio.timeout(self.patience_seconds):
                await call.write(pb.ClientMessage(text=pb.TextChunk(text=f"line {number}", final=True)))
                if complaint := await _translated(call):
                    return complaint
            self.seconds.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, began + self.period_seconds - time.monotonic()))


async def _translated(call: Any) -> str:
    """Reads to the next final translation; what came instead of it."""
    while isinstance(message := await call.read(), pb.ServerMessage):
        if message.translation.final:
            return ""
        if message.error.fatal:
            return f"its session ended with {message.error.code}"
    return f"its session ended with {(await call.code()).name}"


@asynccontextmanager
async def singing(address: str, canary: Canary) -> AsyncIterator[Canary]:
    """Has the canary at work for the block."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(canary.run(address))
        yield canary
        task.cancel()
