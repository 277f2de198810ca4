"""A session's recognizer dies, stalls, is refused or wants to be left. Calls are played; nothing travels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import numpy as np
import pytest
from grpc.aio import AioRpcError, Metadata
from opentelemetry import trace
from opentelemetry.context import Context

from mesh.asr.v1 import asr_pb2
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import AtCapacity, InvalidArgument, MeshError, StageFailed, cause, to_status
from services.gateway import conversation
from services.gateway.backlog import Backlog
from services.gateway.glossary import Dictionary, Glossary
from services.gateway.inputs import Audio, Commit
from services.gateway.ledger import Ledger
from services.gateway.listening import Answer, Asked, Echo, Heard, Result, Trace
from services.gateway.outage import Patience
from services.gateway.outbox import Outbox
from services.gateway.recognition import Recognition
from services.gateway.ring import Marked
from services.gateway.seam import FRESH, Seed
from services.gateway.shared import Mark, Shared
from services.gateway.stages import Recognizing, Stages
from services.gateway.terms import Holding, Progress, Sound, SourceEvent, Terms, Transcript
from tests.unit.gateway.fake_recognizer import CELL, LOUD, QUIET, FakeRecognizer

TERMS = Terms("s", "en", (), True, 0, Holding("agreement", 0, 0), 24_000, 500, 0, 2000, input=Sound("pcm16le", 16_000))
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
        self.dies_at: int | None = None  # once it is told audio so far
        self.status: tuple[grpc.StatusCode, MeshError | None] | None = None
        self.changed = asyncio.Condition()

    async def write(self, request: asr_pb2.RecognizeRequest) -> None:
        if self.status:
            raise asyncio.InvalidStateError
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

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class FakeStages:
    """Gives a call whenever asked, unless it has been told to refuse."""

    happened: asyncio.Event
    calls: list[FakeCall] = field(default_factory=list)
    places: list[Recognizing] = field(default_factory=list)
    refusal: MeshError | None = None
    prepare: Callable[[FakeCall], None] = lambda _: None

    async def recognize(self, config: asr_pb2.RecognizeConfig) -> Recognizing:
        if self.refusal:
            raise self.refusal
        call = FakeCall(config, self.happened)
        self.prepare(call)
        self.calls.append(call)
        self.places.append(Recognizing(cast(Any, call), replica_id=len(self.calls)))
        self.happened.set()
        return self.places[-1]


class Scene:
    """A session's recognition, and all that came of it."""

    def __init__(self, seed: Seed, patience: Patience) -> None:
        self.changed = asyncio.Event()
        self.stages = FakeStages(self.changed)
        self.outbox: Outbox[pb.ServerMessage] = Outbox(100)
        stages, ledger = cast(Stages, self.stages), Ledger(lambda: 0.0)
        self.shared = Shared(TERMS, stages, self.outbox, Backlog(10**6), ledger, Dictionary(Glossary()))
        self.recognition = Recognition(self.shared, seed, patience)
        self.heard: list[Heard] = []
        self.fault: BaseException | None = None
        self.clock = 0

    async def say(self, *cells: np.ndarray[Any, np.dtype[np.int16]]) -> None:
        for pcm in cells:
            audio = Audio(pcm, self.clock)
            self.clock = audio.end_samples
            self.shared.backlog.accept(len(pcm), audio.end_samples)
            await self.recognition.say(audio)

    async def hear(self) -> None:
        async for heard in self.recognition.heard:
            if isinstance(heard, Progress):
                self.shared.backlog.recognized(heard.processed_samples)
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
        async with asyncio.timeout(10):
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
async def scene(seed: Seed = FRESH, stall_seconds: float = 0, outage_seconds: float = 30) -> AsyncIterator[Scene]:
    played = Scene(seed, Patience(stall_seconds, outage_seconds))
    await played.recognition.open()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(played.run())
        tasks.create_task(played.hear())
        yield played
        await played.recognition.finish()


def shown(played: Scene, count: int) -> Callable[[], object]:
    return lambda: len(played.transcripts()) >= count


async def lose(played: Scene) -> None:
    played.stages.places[-1].lost.set()


async def end(played: Scene, code: grpc.StatusCode, fault: MeshError | None = None) -> None:
    await played.stages.calls[-1].end(code, fault)


WAYS: dict[str, Callable[[Scene], Coroutine[Any, Any, None]]] = {
    "its replica is lost": lose,
    "unavailable": lambda played: end(played, grpc.StatusCode.UNAVAILABLE),
    "internal without details": lambda played: end(played, grpc.StatusCode.INTERNAL),
    "cancelled from afar": lambda played: end(played, grpc.StatusCode.CANCELLED),
    "engine failed": lambda played: end(
        played, grpc.StatusCode.UNAVAILABLE, StageFailed("ASR_ENGINE_FAILED", "It broke.", stage="ASR")
    ),
    "ended early": lambda played: end(played, grpc.StatusCode.OK),
}


@pytest.mark.parametrize("way", WAYS)
async def test_another_recognizer_goes_on_in_the_midst_of_a_segment(way: str) -> None:
    async with scene() as played:
        await played.say(*UTTERANCE, *UTTERANCE[:3])
        await played.until(shown(played, 9))
        await WAYS[way](played)
        await played.say(*UTTERANCE[3:])
    first, second = played.stages.calls
    assert first.cancelled
    assert (second.config.first_segment_id, second.config.resumed) == (2, True)
    assert played.finals() == [FINAL, "w17600 w19200 w20800 w22400 w24000 w25600"]
    revisions = [each.revision for each in played.transcripts() if each.segment_id == 2]
    assert revisions == sorted(set(revisions))
    assert not [each for each in played.shared.backlog.stages()]
    assert not await played.flows()


async def test_one_that_dies_of_the_last_words_is_replaced_after_the_end_of_the_audio() -> None:
    async with scene() as played:
        played.stages.calls[0].silent = True
        await played.say(*UTTERANCE[:6])
        await played.recognition.finish()
        await played.until(lambda: played.stages.calls[0].stage.heard == 6 * CELL)
        await lose(played)
    assert played.finals() == [FINAL]


async def test_one_that_says_nothing_to_audio_is_left_for_another() -> None:
    async with scene(stall_seconds=0.05) as played:
        await played.say(*UTTERANCE)
        await played.until(played.finals)
        played.stages.calls[0].silent = True
        await played.say(*UTTERANCE * 2)
        await played.until(lambda: len(played.finals()) == 3)
    assert len(played.stages.calls) == 2


async def test_one_that_has_nothing_to_say_is_not() -> None:
    async with scene(stall_seconds=0.02) as played:
        await played.say(QUIET, QUIET)
        await asyncio.sleep(0.2)  # nothing is to happen
        await played.say(*UTTERANCE)
    assert len(played.stages.calls) == 1


async def test_pings_are_answered_once_and_in_their_place() -> None:
    async with scene() as played:
        first, second = Mark("first"), Mark("second")
        await played.say(*UTTERANCE[:3])
        await played.recognition.say(first)
        await played.until(lambda: first in played.heard)
        played.stages.calls[0].silent = True
        await played.say(*UTTERANCE[3:])
        await played.recognition.say(second)
        await played.until(lambda: played.stages.calls[0].stage.heard == played.clock)
        await lose(played)
    assert [each for each in played.heard if isinstance(each, Mark)] == [first, second]
    (final,) = [each for each in played.transcripts() if each.final]
    assert played.heard.index(first) < played.heard.index(final) < played.heard.index(second)


async def test_a_quick_change_is_not_announced_and_a_long_one_is_with_its_end() -> None:
    async with scene() as played:
        await played.say(*UTTERANCE[:4])
        await played.until(shown(played, 4))
        await lose(played)
        await played.until(lambda: len(played.stages.calls) == 2)
        played.stages.refusal = AtCapacity("ASR_AT_CAPACITY", "Full.", retry_after_ms=100, stage="ASR")
        await lose(played)
        await asyncio.sleep(0.6)  # longer than what is borne in silence
        played.stages.refusal = None
        await played.say(*UTTERANCE[4:])
    assert played.finals() == [FINAL]
    degraded = [less for flow in await played.flows() for less in flow.degraded]
    assert [(less.stage, less.reason, less.over) for less in degraded] == [
        ("ASR", "UNAVAILABLE", False),
        ("ASR", "UNAVAILABLE", True),
    ]


async def test_a_session_without_a_recognizer_for_too_long_ends_and_may_come_again() -> None:
    async with scene(outage_seconds=0.1) as played:
        await played.say(*UTTERANCE[:4])
        await played.until(shown(played, 4))
        played.stages.refusal = StageFailed("ASR_UNAVAILABLE", "Gone.", stage="ASR")
        await lose(played)
        await played.until(lambda: played.fault)
    assert isinstance(played.fault, StageFailed)
    assert played.fault.stage == "ASR"
    assert played.fault.retry_after_ms


async def test_what_no_recognizer_would_take_ends_the_session() -> None:
    async with scene() as played:
        await played.say(*UTTERANCE[:4])
        await played.until(shown(played, 4))
        await end(played, grpc.StatusCode.INVALID_ARGUMENT, InvalidArgument("OFFSET_BACKWARDS", "No."))
        await played.until(lambda: played.fault)
    assert isinstance(played.fault, InvalidArgument)
    assert len(played.stages.calls) == 1


async def test_audio_that_ends_every_recognizer_is_left_out_by_name() -> None:
    def poisoned(call: FakeCall) -> None:
        call.dies_at = 9 * CELL if call.stage.segment_id == 1 else None

    async with scene() as played:
        played.stages.prepare = poisoned
        played.stages.calls[0].dies_at = 9 * CELL
        await played.say(*[LOUD] * 8)
        await played.until(shown(played, 8))
        await played.say(LOUD, *[QUIET] * 5, *UTTERANCE)
    assert len(played.stages.calls) == 3
    cut, after = [each for each in played.transcripts() if each.final]
    assert (cut.segment_id, cut.text) == (1, " ".join(f"w{cell * CELL}" for cell in range(7)))
    assert after.segment_id == 2
    (gap,) = [gap for flow in await played.flows() for gap in flow.gaps]
    assert gap.reason == "QUARANTINED"
    assert gap.from_ms == 0
    assert 900 <= gap.to_ms <= 1400  # what both were told when they died


async def test_a_draining_replica_is_left_when_the_segment_is_over() -> None:
    async with scene() as played:
        await played.say(*UTTERANCE[:4])
        await played.until(shown(played, 4))
        played.stages.places[0].draining.set()
        await played.say(LOUD)
        await played.until(shown(played, 5))
        assert len(played.stages.calls) == 1
        await played.say(*UTTERANCE[5:])
        await played.until(lambda: len(played.stages.calls) == 2)
        await played.say(*UTTERANCE)
    assert played.stages.calls[0].cancelled
    assert len(played.finals()) == 2


async def test_a_draining_replica_is_left_in_time_though_the_speaker_never_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conversation, "LEAVING_SECONDS", 0.01)
    async with scene() as played:
        await played.say(*UTTERANCE[:4])
        await played.until(shown(played, 4))
        played.stages.places[0].draining.set()
        await played.until(lambda: len(played.stages.calls) == 2)
        await played.say(*UTTERANCE[4:])
    assert played.finals() == [FINAL]


async def test_a_draining_replica_is_not_left_for_nothing() -> None:
    async with scene() as played:
        played.stages.refusal = AtCapacity("ASR_AT_CAPACITY", "Full.", retry_after_ms=100, stage="ASR")
        played.stages.places[0].draining.set()
        await played.say(*UTTERANCE)
    assert played.finals() == [FINAL]
    assert not played.stages.calls[1:]
    assert played.fault is None


async def test_the_next_recognizer_is_told_where_the_open_segments_spans_belong() -> None:
    span = trace.NonRecordingSpan(trace.SpanContext(7, 7, is_remote=True, trace_flags=trace.TraceFlags(1)))
    context: Context = trace.set_span_in_context(span)
    async with scene() as played:
        await played.say(*UTTERANCE, *UTTERANCE[:3])
        await played.until(shown(played, 9))
        played.recognition.trace(1, context)
        played.recognition.trace(2, context)
        await lose(played)
        await played.say(*UTTERANCE[3:])
    assert [each.segment_id for each in played.stages.calls[1].stage.traces] == [2]


async def test_a_resumed_session_takes_a_slot_kept_for_such_and_goes_on_where_it_was() -> None:
    concluded = Transcript(4, 6, False, "w0 w1600 0023w", 8, 0, 3 * CELL)
    async with scene(Seed(0, 4, concluded, resumed=True)) as played:
        await played.say(*UTTERANCE)
    (call,) = played.stages.calls
    assert (call.config.first_segment_id, call.config.resumed) == (4, True)
    (final,) = [each for each in played.transcripts() if each.final]
    assert (final.segment_id, final.text, final.corrected) == (4, FINAL, False)
    assert min(each.revision for each in played.transcripts()) > 6
