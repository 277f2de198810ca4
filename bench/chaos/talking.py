"""Sessions of the Python client that speak in real time and keep a ledger each: the load of every scenario.

All of them run in this process; `bench.chaos.speech` is what they say. A session ends in a pause once it is told to
stop, so that its last utterance is whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import babelmesh
from bench.chaos import speech
from bench.chaos.ledger import Ledger
from bench.measuring.all_doors import Doors
from realtime.v1.realtime_translate_pb2 import STABILIZATION_FAST, AudioFormat, Endpointing
from services.common.audio.pcm import ASR_RATE

DRAIN_SECONDS = 30.0  # for the last words of a session that was told to stop
OUTPUT_HERTZ = 8_000


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the sessions ask for."""

    targets: Sequence[str] = ("es",)
    partial_results: bool = True
    heartbeat_ms: int = 1_000
    speed: float = 1.0
    ca: Path | None = None  # whom to believe where addresses are encrypted
    doors: Doors = field(default_factory=Doors)

    def hello(self) -> babelmesh.SessionConfig:
        """As a hello, without the languages."""
        config = babelmesh.SessionConfig(
            partial_results=self.partial_results,
            input=AudioFormat(format="pcm16le", sample_rate=ASR_RATE),
            output=AudioFormat(format="pcm16le", sample_rate=OUTPUT_HERTZ),
            stabilization=STABILIZATION_FAST,
            endpointing=Endpointing(trailing_silence_ms=300),
            heartbeat_ms=self.heartbeat_ms,
        )
        self.doors.key.agreed(config)
        return config

    def connected(self, addresses: str) -> AbstractAsyncContextManager[babelmesh.Mesh]:
        """A connection to gateways."""
        return babelmesh.connect(addresses, babelmesh.Tls(self.ca)) if self.ca else self.doors.connected(addresses)


class Talker:
    """One session, from its hello to its end."""

    def __init__(self, number: int, folder: Path, wishes: Wishes) -> None:
        self.name = f"python-{number:03d}"
        self._number = number
        self._wishes = wishes
        self._ledger = Ledger(folder, self.name, number, wishes.targets)
        self._session: babelmesh.Session | None = None
        self._ready: babelmesh.Ready | None = None

    async def talk(self, addresses: str, stop: asyncio.Event) -> None:
        """Speaks until it is told to stop, and hears everything out. A failure is a line of the ledger."""
        with self._ledger:
            try:
                await self._converse(addresses, stop)
            except babelmesh.SessionFailed as failure:
                self._ledger.note(
                    "failed", code=failure.code, message=str(failure), retry_after_ms=failure.retry_after_ms
                )
            finally:
                self._session = None
                self._ledger.note("over")

    async def ping(self, marker: str) -> None:
        """Asks whether all is well: the echo comes when what was sent before has been dealt with."""
        if self._session is None:
            return
        self._ledger.note("ping", marker=marker)
        try:
            await self._session.ping(marker)
        except babelmesh.SessionFailed as failure:
            self._ledger.note("ping_failed", code=failure.code)

    async def _converse(self, addresses: str, stop: asyncio.Event) -> None:
        async with (
            self._wishes.connected(addresses) as mesh,
            mesh.session("en", self._wishes.targets, self._wishes.hello()) as session,
        ):
            self._session = session
            self._note_ready(session)
            async for event in session.translate(self._source(stop)):
                self._note_ready(session)
                if not isinstance(event, babelmesh.Ready):
                    self._ledger.got(event)

    def _note_ready(self, session: babelmesh.Session) -> None:
        """A session that was resumed has another `ready`."""
        if session.ready is not self._ready:
            self._ready = session.ready
            self._ledger.got(session.ready)

    async def _source(self, stop: asyncio.Event) -> AsyncIterator[babelmesh.Chunk]:
        count, position = speech.samples(speech.CHUNK_MS), 0
        began = time.monotonic()
        while not (stop.is_set() and speech.is_pause(position)):
            spoken_at = began + (position + count) / ASR_RATE / self._wishes.speed
            await asyncio.sleep(max(0.0, spoken_at - time.monotonic()))
            self._ledger.note("audio", offset_ms=position * 1000 // ASR_RATE, ms=speech.CHUNK_MS)
            yield babelmesh.Chunk(speech.chunk(self._number, position, count), position)
            for utterance in speech.utterances(self._number, position, position + count):
                self._ledger.said(utterance)
            position += count


class Company:
    """All sessions of a load."""

    def __init__(self, talkers: Sequence[Talker], group: asyncio.TaskGroup) -> None:
        self.talkers = talkers
        self._group = group

    def ping(self, marker: str) -> None:
        """Has every session ask, without waiting for any."""
        for talker in self.talkers:
            self._group.create_task(talker.ping(marker))


@dataclass(frozen=True, slots=True)
class Load:
    """How many sessions there are, from which number on, and what they want."""

    sessions: int
    wishes: Wishes = Wishes()
    first: int = 1

    @asynccontextmanager
    async def at(self, addresses: str, folder: Path) -> AsyncIterator[Company]:
        """Has the sessions speak during the block, their starts spread over an utterance; hears them out after it."""
        talkers = [Talker(self.first + number, folder, self.wishes) for number in range(self.sessions)]
        stop = asyncio.Event()

        async def one(place: int, talker: Talker) -> None:
            await asyncio.sleep(place * speech.PERIOD_MS / 1000 / max(1, self.sessions))
            await talker.talk(addresses, stop)

        async with asyncio.TaskGroup() as sessions, asyncio.TaskGroup() as pings:
            tasks = [sessions.create_task(one(place, talker)) for place, talker in enumerate(talkers)]
            yield Company(talkers, pings)
            stop.set()
            _, late = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()  # its ledger has no end: the checkers tell
