"""A session's recognizer dies, stalls, is refused or wants to be left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.context import Context

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import AtCapacity, InvalidArgument, MeshError, StageFailed
from services.gateway.recognition import conversation
from services.gateway.recognition.takeover import Seed
from services.gateway.values.speech import Mark, Progress, Transcript
from tests.unit.gateway.recognition.fake_recognizer import CELL, LOUD, QUIET
from tests.unit.gateway.recognition.recognition_scene import FINAL, UTTERANCE, FakeCall, Scene, scene


def shown(played: Scene, count: int) -> Callable[[], object]:
    return lambda: len(played.transcripts()) >= count


async def lose(played: Scene) -> None:
    played.stages.places[-1].link.died.set()
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
    assert not [each for each in played.shared.account.backlog.stages()]
    assert not await played.flows()


async def test_one_that_dies_of_the_last_words_is_replaced_after_the_end_of_the_audio() -> None:
    async with scene() as played:
        played.stages.calls[0].silent = True
        await played.say(*UTTERANCE[:6])
        await played.recognition.end_audio()
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


async def test_one_that_is_sent_no_audio_for_long_is_asked_whether_it_is_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conversation, "KEEPALIVE_SECONDS", 0.01)
    async with scene() as played:
        await played.until(lambda: played.stages.calls[0].requests > 3)
        await played.say(*UTTERANCE)
        await played.until(played.finals)
    assert len(played.stages.calls) == 1
    assert played.finals() == [FINAL]


async def test_pings_are_answered_once_and_in_their_place() -> None:
    async with scene() as played:
        first, second = Mark("first"), Mark("second")
        await played.say(*UTTERANCE[:3])
        await played.recognition.feed.say(first)
        await played.until(lambda: first in played.heard)
        played.stages.calls[0].silent = True
        await played.say(*UTTERANCE[3:])
        await played.recognition.feed.say(second)
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
        (announced,) = await anext(played.outbox)
        assert not announced.flow.degraded[0].over
        played.stages.refusal = None
        await played.say(*UTTERANCE[4:])
    assert played.finals() == [FINAL]
    degraded = [less for flow in await played.flows() for less in flow.degraded]
    assert [(less.stage, less.reason, less.over) for less in degraded] == [
        (pb.STAGE_ASR, pb.DEGRADED_REASON_UNAVAILABLE, True)
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
    assert gap.reason == pb.GAP_REASON_QUARANTINED
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
    start = 100 * CELL
    concluded = Transcript(4, 6, False, f"w{start} w161600 0023w", len("w160000 w161600"), start, start + 3 * CELL)
    async with scene(Seed(start, 4, concluded, resumed=True)) as played:
        played.clock = start
        await played.say(*UTTERANCE)
    (call,) = played.stages.calls
    assert (call.config.first_segment_id, call.config.resumed) == (4, True)
    (final,) = [each for each in played.transcripts() if each.final]
    assert (final.segment_id, final.corrected) == (4, False)
    assert final.text == "w160000 w161600 w163200 w164800 w166400 w168000"
    assert min(each.revision for each in played.transcripts()) > 6
    assert played.heard[0] == Progress(start, start)
    assert not [*played.shared.account.backlog.stages()]
