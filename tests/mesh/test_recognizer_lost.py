"""A recognizer goes away in the midst of speech: its client sees one session without a seam."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import grpc
import pytest

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from realtime.v1 import realtime_translate_pb2 as pb
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.errors import StageFailed
from services.common.grpc_options import CHANNEL
from services.common.server.lifecycle import running
from tests.mesh.checks import check
from tests.mesh.mesh import (
    UTTERANCE,
    Heard,
    chunks,
    control,
    gateway,
    hello,
    loud,
    quiet,
    read_into,
    talk,
)

SPEECH = UTTERANCE + loud(4.0) + quiet(1.0) + UTTERANCE


@dataclass
class Replicas:
    """Recognizers that can be ended one by one."""

    addresses: list[str] = field(default_factory=list)
    ends: list[AsyncExitStack] = field(default_factory=list)

    async def busy(self) -> int:
        """The one that has the session."""
        for number, address in enumerate(self.addresses):
            async with grpc.aio.insecure_channel(address, options=CHANNEL) as to:
                described = await asr_pb2_grpc.AsrStub(to).Describe(asr_pb2.DescribeRequest())
            if described.slots_used:
                return number
        raise AssertionError("No recognizer has a session.")


@asynccontextmanager
async def recognizers(count: int, **scripted: Any) -> AsyncIterator[Replicas]:
    replicas = Replicas()
    settings = AsrSettings(engine="scripted", vad="energy", slots=8, drain_seconds=0, scripted=scripted)
    async with AsyncExitStack() as all_ends:
        for _ in range(count):
            replicas.ends.append(await all_ends.enter_async_context(AsyncExitStack()))
            port = await replicas.ends[-1].enter_async_context(running(AsrServicer(settings), settings))
            replicas.addresses.append(f"127.0.0.1:{port}")
        yield replicas


def places(heard: Heard) -> list[tuple[int, int, int, int]]:
    """Number, offsets and length in words of each final transcript."""
    finals = [each for each in heard.of("asr") if each.final]
    return [(each.segment_id, each.start_ms, each.end_ms, len(each.text.split())) for each in finals]


def near(one: list[tuple[int, int, int, int]], other: list[tuple[int, int, int, int]]) -> bool:
    """Alike but for a frame: another recognizer's frames lie elsewhere."""
    pairs = [pair for a, b in zip(one, other, strict=True) for pair in zip(a, b, strict=True)]
    return all(abs(a - b) <= 64 for a, b in pairs) and [a[0] for a in one] == [b[0] for b in other]


async def say(call: Any, pcm: bytes) -> None:
    for message in chunks(pcm):
        await call.write(message)


async def shows(heard: Heard, segment_id: int, words: int) -> None:
    """Waits until a segment is shown with so many words."""
    async with asyncio.timeout(60):
        while not any(each.segment_id == segment_id and len(each.text.split()) >= words for each in heard.of("asr")):
            heard.more.clear()
            await heard.more.wait()


async def test_a_recognizer_that_ends_in_the_midst_of_an_utterance_leaves_no_seam() -> None:
    async with recognizers(2) as replicas, gateway(asr_endpoints=tuple(replicas.addresses)) as stub:
        undisturbed = await talk(stub, hello("es"), *chunks(SPEECH), control("ping", marker="here"))
        heard = Heard()
        call: Any = stub.Stream()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            await call.write(hello("es"))
            await say(call, UTTERANCE + loud(2.0))
            await shows(heard, 2, 4)
            await replicas.ends[await replicas.busy()].aclose()
            await say(call, loud(2.0) + quiet(1.0) + UTTERANCE)
            await call.write(control("ping", marker="here"))
            await call.done_writing()
    for each in (undisturbed, heard):
        check(each)
        assert each.fault is None
        assert [marker.marker for marker in each.of("marker")] == ["here"]
    assert near(places(heard), places(undisturbed))
    assert len(heard.finals("es")) == len(undisturbed.finals("es")) == 3
    assert not [less for flow in heard.of("flow") for less in flow.degraded]
    assert [event.type for event in heard.of("speech_event") if not event.target_lang] == [
        pb.SPEECH_EVENT_TYPE_SOURCE_STARTED,
        pb.SPEECH_EVENT_TYPE_SOURCE_ENDED,
    ] * 3


async def test_a_session_outlives_the_last_recognizer_for_a_while_and_says_what_is_missing() -> None:
    async with (
        recognizers(1) as replicas,
        gateway(asr_endpoints=tuple(replicas.addresses), stage_outage_ms=700) as stub,
    ):
        heard = Heard()
        call: Any = stub.Stream()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            await call.write(hello("es"))
            await say(call, UTTERANCE + loud(2.0))
            await shows(heard, 2, 4)
            await replicas.ends[0].aclose()
    (less,) = [less for flow in heard.of("flow") for less in flow.degraded]
    assert (less.stage, less.reason, less.over) == (pb.STAGE_ASR, pb.DEGRADED_REASON_UNAVAILABLE, False)
    assert isinstance(heard.fault, StageFailed)
    assert heard.fault.retry_after_ms
    assert heard.error().stage == pb.STAGE_ASR
    assert len(heard.transcripts()) == 1


async def test_an_engine_that_fails_on_a_long_session_costs_nothing() -> None:
    async with gateway(asr={"fail_after_ms": 3500}) as stub:
        heard = await talk(stub, hello("es"), *chunks(UTTERANCE * 3))
    check(heard)
    assert heard.fault is None
    assert [(number, words) for number, _, _, words in places(heard)] == [(1, 6), (2, 6), (3, 6)]


@pytest.mark.parametrize("broken", [{"fail_after_ms": 2500}, {"hang_after_ms": 2500}], ids=["fails", "hangs"])
async def test_audio_that_no_engine_survives_is_left_out_and_the_session_goes_on(broken: dict[str, int]) -> None:
    async with gateway(asr=broken, recognition_stall_ms=300) as stub:
        heard = await talk(stub, hello("es"), *chunks(loud(1.0) + quiet(1.0) + loud(4.0) + quiet(1.0)))
    check(heard)
    assert heard.fault is None
    gaps = [gap for flow in heard.of("flow") for gap in flow.gaps]
    assert {gap.reason for gap in gaps} == {pb.GAP_REASON_QUARANTINED}
    assert all(before.to_ms <= after.from_ms for before, after in pairwise(gaps))
    number, start_ms, end_ms, words = places(heard)[0]
    assert (number, words) == (1, 3)
    assert start_ms < end_ms <= gaps[0].from_ms
