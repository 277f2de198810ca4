"""A session's recognizer is slow: nothing is left out for that, and another one is only asked where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import grpc
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import AtCapacity, MeshError, StageFailed, TooSlow
from services.gateway.recognition.recognition import Slowness
from tests.unit.gateway.recognition.fake_recognizer import CELL
from tests.unit.gateway.recognition.recognition_scene import FINAL, UTTERANCE, FakeCall, Scene, scene


async def fall_silent(played: Scene) -> None:
    played.stages.places[-1].lost.set()


def asked_for(played: Scene, count: int) -> bool:
    return len(played.stages.calls) == count


def slow(kind: type[MeshError]) -> Callable[[Scene], Coroutine[Any, Any, None]]:
    code = grpc.StatusCode.DEADLINE_EXCEEDED if kind is TooSlow else grpc.StatusCode.RESOURCE_EXHAUSTED
    return lambda played: played.stages.calls[-1].end(code, kind("SLOW", "It is slow.", retry_after_ms=1, stage="ASR"))


SLOW_WAYS: dict[str, Callable[[Scene], Coroutine[Any, Any, None]]] = {
    "its replica is silent": fall_silent,
    "too slow": slow(TooSlow),
    "at capacity": slow(AtCapacity),
}


async def test_one_that_stalls_is_waited_for_where_there_is_no_other_and_the_client_is_told() -> None:
    async with scene(stall_seconds=0.02) as played:
        played.stages.alone = True
        await played.say(*UTTERANCE)
        await played.until(played.finals)
        played.stages.calls[0].silent = True
        await played.say(*UTTERANCE)
        (told,) = await anext(played.outbox)
        await asyncio.sleep(0.1)  # nothing is to happen
        played.stages.calls[0].silent = False
        await played.say(*UTTERANCE)
        await played.until(lambda: len(played.finals()) == 2)
    assert len(played.stages.calls) == 1
    (less,) = told.flow.degraded
    assert (less.stage, less.reason, less.over) == (pb.STAGE_ASR, pb.DEGRADED_REASON_UNAVAILABLE, False)
    over = [less for flow in await played.flows() for less in flow.degraded]
    assert [(less.reason, less.over) for less in over] == [(pb.DEGRADED_REASON_UNAVAILABLE, True)]


@pytest.mark.parametrize("way", SLOW_WAYS)
async def test_nothing_is_left_out_however_many_recognizers_are_slow_over_it(way: str) -> None:
    async with scene() as played:
        await played.say(*UTTERANCE[:4])
        for count in range(2, 6):
            played.stages.calls[-1].silent = True
            await played.until(lambda: played.stages.calls[-1].stage.heard == 4 * CELL)
            await SLOW_WAYS[way](played)
            await played.until(partial(asked_for, played, count))
        await played.say(*UTTERANCE[4:])
    assert played.finals() == [FINAL]
    assert not [gap for flow in await played.flows() for gap in flow.gaps]


async def test_each_stall_over_the_same_audio_is_borne_for_twice_as_long() -> None:
    slowness = Slowness()
    factors = []
    for finalized in (100, 100, 100, 200):
        slowness.left(finalized)
        factors.append(slowness.factor)
    assert factors == [1, 2, 4, 1]


async def test_a_recognizer_that_loads_for_longer_than_an_outage_is_waited_for() -> None:
    async with scene(outage_seconds=0.05) as played:
        await played.say(*UTTERANCE[:4])
        await played.until(lambda: len(played.transcripts()) >= 4)
        played.stages.loads = True
        played.stages.refusal = StageFailed("ASR_UNAVAILABLE", "Gone.", stage="ASR")
        played.stages.places[-1].link.died.set()
        played.stages.places[-1].lost.set()
        await asyncio.sleep(0.3)  # several outages long
        assert played.fault is None
        played.stages.refusal = None
        await played.say(*UTTERANCE[4:])
    assert played.finals() == [FINAL]


def never_answers(call: FakeCall) -> None:
    call.silent = True


async def test_a_session_ends_whose_only_recognizer_never_answers() -> None:
    async with scene(stall_seconds=0.02, outage_seconds=0.05, longest_seconds=0.1) as played:
        played.stages.alone, played.stages.prepare = True, never_answers
        played.stages.calls[0].silent = True
        await played.say(*UTTERANCE)
        await played.until(lambda: played.fault)
    assert isinstance(played.fault, StageFailed)
    assert (played.fault.code, len(played.stages.calls)) == ("ASR_UNAVAILABLE", 2)


async def test_a_session_ends_whose_recognizer_is_to_be_expected_and_never_comes() -> None:
    async with scene(outage_seconds=0.05, longest_seconds=0.1) as played:
        played.stages.loads = True
        played.stages.refusal = StageFailed("ASR_UNAVAILABLE", "Gone.", stage="ASR")
        await fall_silent(played)
        await played.until(lambda: played.fault)
    assert isinstance(played.fault, StageFailed)
    assert played.fault.code == "ASR_UNAVAILABLE"
