"""What a target needs of its session, without any stage: translations and speech are made on the spot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import Pcm
from services.gateway.account.account import Account, Backlog, Shared
from services.gateway.account.ledger import Ledger
from services.gateway.account.measures import Measures
from services.gateway.agreement.glossary import Dictionary
from services.gateway.agreement.long_work import Turns
from services.gateway.outgoing.outbox import Outbox, Room
from services.gateway.stages.stages import Stages
from services.gateway.translation.target import Target
from services.gateway.values.continuation import TargetContinuation
from services.gateway.values.speech import Transcript
from services.gateway.values.stages import Line, Question, Translated
from services.gateway.values.terms import Glossary, Holding, Sound, TargetTerms, Terms

RATE = 24_000
CHARACTER_SAMPLES = RATE // 10
ES = TargetTerms("es", "en", captions=True, speech=True, voice="v", voice_lang="es")


class FakeStages:
    """Translates each word on its own, and sings; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.said: list[str] = []

    def available(self, stage: str) -> bool:
        return True

    async def back(self, stage: str) -> None:
        return

    async def translate(self, asked: Question, context: object = None) -> Translated:
        self.asked.append(asked)
        return Translated(" ".join(f"{word}-es" for word in asked.text.split()))

    async def synthesize(self, line: Line, context: object = None) -> AsyncGenerator[tuple[Pcm, int], None]:
        self.said.append(line.text)
        yield speech_of(line.text), RATE


def speech_of(text: str) -> Pcm:
    """The speech of a clause: its samples tell where they stand in it."""
    return (np.arange(len(text) * CHARACTER_SAMPLES) % 30_000).astype(np.int16)


@dataclass
class Client:
    """One target of a session, and what its client gets."""

    shared: Shared
    target: Target
    stages: FakeStages
    messages: list[pb.ServerMessage] = field(default_factory=list)

    def of(self, kind: str) -> list[Any]:
        return [getattr(each, kind) for each in self.messages if each.WhichOneof("payload") == kind]

    def pcm(self) -> Pcm:
        return np.concatenate([np.frombuffer(chunk.data, dtype="<i2") for chunk in self.of("tts")])

    async def hear(self, *said: Transcript) -> None:
        for each in said:
            self.shared.account.ledger.opened(each)
            if each.final:
                self.shared.account.ledger.recognized(each, ["es"])
            await self.target.hear(each)


@asynccontextmanager
async def listening(seed: TargetContinuation) -> AsyncIterator[Client]:
    """A target at work; leaving the block waits until all is said."""
    terms = Terms(
        session_id="s",
        source_lang="en",
        targets=(ES,),
        interim=True,
        stabilization=2,
        holding=Holding("agreement", 0, 0),
        output=Sound("pcm16le", RATE),
        trailing_silence_ms=500,
        least_silence_ms=0,
        max_segment_ms=15_000,
    )
    outbox: Outbox[pb.ServerMessage] = Outbox(Room(32))
    stages = FakeStages()
    ledger, dictionary = Ledger(lambda: 0.0), Dictionary(Glossary())
    ledger.delivery.voice_sent("es", seed.voice_samples)
    account = Account(Backlog(64_000), ledger, Measures("en", ledger), outbox)
    shared = Shared(terms, cast(Stages, stages), account, dictionary)
    client = Client(shared, Target(ES, shared, Turns(), seed), stages)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_read(outbox, client.messages))
        running = tasks.create_task(client.target.run())
        yield client
        await client.target.end_transcripts()
        await running
        await outbox.close()


async def _read(outbox: Outbox[pb.ServerMessage], into: list[pb.ServerMessage]) -> None:
    async for messages in outbox:
        into += messages


def heard(segment_id: int, text: str, final: bool = True) -> Transcript:
    """A transcript of typed text: nobody is late for it."""
    return Transcript(segment_id, 1, final, text, len(text), typed=True)
