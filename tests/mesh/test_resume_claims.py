"""Who may resume a session, how often at once, and what of it is not made again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import Superseded
from tests.mesh.checks import check
from tests.mesh.mesh import Heard, chunks, gateway, hello, read_into, talk, text
from tests.mesh.resuming import chunks_from, joined, lost_after, resuming, until_open
from tests.mesh.test_resume import KEYS, SAID, SAME_WORDS


@pytest.fixture
async def stub() -> AsyncIterator[Any]:
    async with gateway(asr=SAME_WORDS, resume_keys=KEYS) as client:
        yield client


async def test_a_handle_resumed_many_times_at_once_is_resumed_once(stub: Any) -> None:
    before = await lost_after(stub, 60, hello("es"), chunks(SAID))
    request = resuming(hello("es"), before)
    heard = [Heard() for _ in range(12)]
    calls: list[Any] = [stub.Stream() for _ in heard]
    async with asyncio.TaskGroup() as tasks:
        for call, each in zip(calls, heard, strict=True):
            tasks.create_task(call.write(request))
            tasks.create_task(read_into(each, call))
        for each in heard:
            await until_open(each)
        (call,) = [call for call, each in zip(calls, heard, strict=True) if each.of("ready")]
        (ready,) = [each.of("ready")[0] for each in heard if each.of("ready")]
        for message in chunks_from(SAID, ready.resume_offset_ms):
            await call.write(message)
        await call.done_writing()
    (only,) = [each for each in heard if each.of("ready")]
    assert only.fault is None
    check(joined(before, only))
    refused = [each for each in heard if each is not only]
    assert {each.error().code for each in refused} == {"RESUME_IN_PROGRESS"}
    assert all(isinstance(each.fault, Superseded) and each.fault.retry_after_ms for each in refused)


@pytest.mark.parametrize(("deaths", "here", "left_out"), [(1, False, False), (2, False, True), (2, True, False)])
async def test_segments_that_two_servers_ended_over_are_not_made_again(
    stub: Any, deaths: int, here: bool, left_out: bool
) -> None:
    before = await lost_after(stub, 1, hello("es"), [])
    request = resuming(hello("es"), before)
    final = pb.AsrResult(segment_id=1, revision=1, final=True, text="good morning", origin=pb.ORIGIN_TYPED)
    request.hello.received.segments.append(pb.ReceivedSegment(transcript=final))
    request.hello.deaths = deaths
    request.hello.lost_server = before.of("ready")[0].server if here else "another"
    after = await talk(stub, request, text("good bye", final=True))
    assert after.fault is None
    named = [(less.reason, less.segment_id) for flow in after.of("flow") for less in flow.degraded]
    assert named == ([(pb.DEGRADED_REASON_QUARANTINED, 1)] if left_out else [])
    assert [each.segment_id for each in after.of("translation") if each.final] == ([2] if left_out else [1, 2])
