"""A session's recognition on calls that are played: nothing travels, and a test ends them as it likes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import numpy as np
from grpc.aio import AioRpcError, Metadata

from mesh.asr.v1 import asr_pb2
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import MeshError, cause
from services.common.statuses import to_status
from services.gateway.account.account import Account, Backlog, Shared
from services.gateway.account.ledger import Ledger
from services.gateway.account.measures import Measures
from services.gateway.agreement.glossary import Dictionary
from services.gateway.outgoing.outbox import Outbox, Room
from services.gateway.recognition.outage import Patience
from services.gateway.recognition.recognition import Recognition
from services.gateway.recognition.takeover import FRESH, Seed
from services.gateway.stages.links import Link
from services.gateway.stages.recognizing import Recognizing, config
from services.gateway.stages.stages import Stages
from services.gateway.values.speech import (
    Answer,
    Asked,
    Audio,
    Commit,
    Echo,
    Heard,
    Marked,
    Progress,
    Result,
    SourceEvent,
    Trace,
    Transcript,
)
from services.gateway.values.terms import Glossary, Holding, Sound, Terms
from tests.unit.gateway.recognition.fake_recognizer import LOUD, QUIET, FakeRecognizer

TERMS = Terms(
    "s",
    "en",
    (),
    True,
    0,
    Holding("agreement", 0, 0),
    Sound("pcm16le", 24_000),
    500,
    0,
    2000,
    input=Sound("pcm16le", 16_000),
)
UTTERANCE = [LOUD] * 6 + [QUIET] * 5
FINAL = "w0 w1600 w3200 w4800 w6400 w8000"


def asked_by(request: asr_pb2.RecognizeRequest) -> Asked:
    match request.WhichOneof("payload"):
        case "audio":
            return Audio(np.frombuffer(request.audio.pcm, dtype="<i2"), request.audio.offset_samples)
        case "commit":
            return Commit()
        case "marker":
            return Marked(request.marker.id, 0)
    return Trace(request.segment_trace.segment_id, request.segment_trace.traceparent)


def response(answer: Answer) -> asr_pb2.RecognizeResponse:
    match answer:
        case Result(said, finalized_samples):
            names = ("segment_id", "revision", "final", "text", "stable_length", "start_samples", "end_samples")
            result = asr_pb2.Result(
                finalized_samples=finalized_samples, **{name: getattr(said, name) for name in names}
            )
            return asr_pb2.RecognizeResponse(result=result)
        case SourceEvent(started, offset_samples):
            event = asr_pb2.SpeechEvent(started=started, offset_samples=offset_samples)
            return asr_pb2.RecognizeResponse(speech_event=event)
        case Echo(number):
            return asr_pb2.RecognizeResponse(marker=asr_pb2.Marker(id=number))
        case Progress(processed, finalized):
            progress = asr_pb2.Progress(processed_samples=processed, finalized_samples=finalized)
            return asr_pb2.RecognizeResponse(progress=progress)


class FakeCall:
    """A call to a recognizer that can be silenced, or ended with a status."""

    def __init__(self, config: asr_pb2.RecognizeConfig, happened: asyncio.Event) -> None:
        self.config = config
        self.happened = happened  # set with each change
        self.stage = FakeRecognizer(config.first_segment_id)
        self.answers: list[asr_pb2.RecognizeResponse] = []
        self.silent = False
        self.cancelled = False
        self.requests = 0
        self.dies_at: int | None = None  # once it is told audio so far
        self.status: tuple[grpc.StatusCode, MeshError | None] | None = None
        self.changed = asyncio.Condition()

    async def write(self, request: asr_pb2.RecognizeRequest) -> None:
        if self.status:
            raise asyncio.InvalidStateError
        self.requests += 1
        answers = [response(answer) for answer in self.stage.ask(asked_by(request))]
        self.happened.set()
        if self.dies_at is not None and self.stage.heard >= self.dies_at:
            return await self.end(grpc.StatusCode.UNAVAILABLE)
        async with self.changed:
            self.answers += [] if self.silent else answers
            self.changed.notify_all()

    async def done_writing(self) -> None:
        if self.status:
            raise asyncio.InvalidStateError
        self.answers += [response(answer) for answer in self.stage.finish()]
        if not self.silent:
            await self.end(grpc.StatusCode.OK)

    async def end(self, code: grpc.StatusCode, fault: MeshError | None = None) -> None:
        async with self.changed:
            self.status = (code, fault)
            self.changed.notify_all()

    async def read(self) -> Any:
        async with self.changed:
            await self.changed.wait_for(lambda: self.answers or self.status)
            if self.answers and (self.status is None or self.status[0] is grpc.StatusCode.OK):
                return self.answers.pop(0)
        if await self.code() is grpc.StatusCode.OK:
            return grpc.aio.EOF
        raise AioRpcError(await self.code(), Metadata(), Metadata())

    async def code(self) -> grpc.StatusCode:
        assert self.status
        return self.status[0]

    async def details(self) -> str:
        assert self.status
        return to_status(self.status[1]).message if self.status[1] else ""

    async def initial_metadata(self) -> Metadata:
        return Metadata()

    async def trailing_metadata(self) -> Metadata:
        assert self.status
        fault = self.status[1]
        return Metadata(*([("grpc-status-details-bin", to_status(fault).SerializeToString())] if fault else []))

    def cancel(self) -> bool:
        self.cancelled = True
        return True

    def done(self) -> bool:
        return self.cancelled or self.status is not None


@dataclass
class FakeStages:
    """Gives a call whenever asked, unless it has been told to refuse."""

    happened: asyncio.Event
    calls: list[FakeCall] = field(default_factory=list)
    places: list[Recognizing] = field(default_factory=list)
    refusal: MeshError | None = None
    alone: bool = False  # whether no other replica serves
    loads: bool = False  # whether one is to be expected
    prepare: Callable[[FakeCall], None] = lambda _: None

    async def recognize(self, *wanted: Any) -> Recognizing:
        if self.refusal:
            raise self.refusal
        call = FakeCall(config(*wanted), self.happened)
        self.prepare(call)
        self.calls.append(call)
        self.places.append(Recognizing(cast(Any, call), Link(len(self.calls), cast(Any, None))))
        self.happened.set()
        return self.places[-1]

    def others(self, stage: str, replica_id: int) -> bool:
        return not self.alone

    def coming(self, stage: str) -> bool:
        return self.loads


class Scene:
    """A session's recognition, and all that came of it."""

    def __init__(self, seed: Seed, patience: Patience) -> None:
        self.changed = asyncio.Event()
        self.stages = FakeStages(self.changed)
        self.outbox: Outbox[pb.ServerMessage] = Outbox(Room(100))
        stages, ledger = cast(Stages, self.stages), Ledger(lambda: 0.0)
        account = Account(Backlog(10**6), ledger, Measures("en", ledger), self.outbox)
        self.shared = Shared(TERMS, stages, account, Dictionary(Glossary()))
        self.recognition = Recognition(self.shared, seed, patience)
        self.heard: list[Heard] = []
        self.fault: BaseException | None = None
        self.clock = 0

    async def say(self, *cells: np.ndarray[Any, np.dtype[np.int16]]) -> None:
        for pcm in cells:
            audio = Audio(pcm, self.clock)
            self.clock = audio.end_samples
            self.shared.account.backlog.accept(len(pcm), audio.end_samples)
            await self.recognition.feed.say(audio)

    async def hear(self) -> None:
        async for heard in self.recognition.heard:
            if isinstance(heard, Progress):
                self.shared.account.backlog.recognized(heard.processed_samples)
            self.heard.append(heard)
            self.changed.set()

    async def run(self) -> None:
        try:
            await self.recognition.run()
        except* MeshError as group:
            self.fault = cause(group)
            self.changed.set()
            await self.recognition.heard.close()

    async def until(self, seen: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not seen():
                self.changed.clear()
                await self.changed.wait()

    def transcripts(self) -> list[Transcript]:
        return [each for each in self.heard if isinstance(each, Transcript)]

    def finals(self) -> list[str]:
        return [each.text for each in self.transcripts() if each.final]

    async def flows(self) -> list[pb.Flow]:
        await self.outbox.close()
        return [message.flow for messages in [each async for each in self.outbox] for message in messages]


@asynccontextmanager
async def scene(
    seed: Seed = FRESH, stall_seconds: float = 0, outage_seconds: float = 30, longest_seconds: float = 600
) -> AsyncIterator[Scene]:
    played = Scene(seed, Patience(stall_seconds, outage_seconds, longest_seconds))
    await played.recognition.open()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(played.run())
        tasks.create_task(played.hear())
        yield played
        await played.recognition.end_audio()
