"""Calls that end so that their session can go on elsewhere, and who is let in before whom."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import grpc

from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.errors import AtCapacity, StageFailed, Superseded
from tests.mesh.checks import check
from tests.mesh.mesh import UTTERANCE, Heard, chunks, gateway, gateway_address, hello, loud, quiet, read_into, talk
from tests.mesh.resuming import handle, joined, resumed, resuming

SAID = UTTERANCE + loud(1.0) + quiet(1.0)
SAME_WORDS: dict[str, Any] = {"text": "word"}


async def test_who_comes_back_ends_the_call_that_still_runs() -> None:
    """Its connection may be dead without anyone having told us; its slot is the client's own."""
    async with gateway(slots=1, asr_slots=1, asr=SAME_WORDS) as stub:
        call: Any = stub.Stream()
        lost = Heard()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(lost, call))
            for message in [hello("es"), *chunks(UTTERANCE)]:
                await call.write(message)
            await lost.until("ack", 1)
            before = Heard([*lost.messages])
            after = await resumed(stub, resuming(hello("es"), before), SAID)
    assert after.fault is None
    assert isinstance(lost.fault, Superseded)
    assert lost.error().code == "SUPERSEDED"
    check(joined(before, after))


async def test_the_reserve_is_for_sessions_that_are_resumed() -> None:
    async with gateway(slots=2, reserved_slots=1, resume_keys="a:" + "k" * 32) as stub:
        before = await talk(stub, hello("es"))
        first: Any = stub.Stream()
        await first.write(hello("es"))
        assert (await first.read()).HasField("ready")
        assert isinstance((await talk(stub, hello("es"))).fault, AtCapacity)
        assert (await talk(stub, resuming(hello("es"), before, bare=True))).fault is None
        first.cancel()


async def test_who_is_refused_together_is_asked_back_at_other_times() -> None:
    async with gateway(slots=1) as stub:
        first: Any = stub.Stream()
        await first.write(hello("es"))
        assert (await first.read()).HasField("ready")
        waits = {(await talk(stub, hello("es"))).error().retry_after_ms for _ in range(8)}
        first.cancel()
    assert len(waits) > 1


async def test_what_is_wrong_with_a_hello_is_told_though_there_is_no_slot() -> None:
    async with gateway(slots=1) as stub:
        first: Any = stub.Stream()
        await first.write(hello("es"))
        assert (await first.read()).HasField("ready")
        heard = await talk(stub, hello("es", resume_handle="nonsense"))
        first.cancel()
    assert heard.error().code == "RESUME_UNREADABLE"


async def test_a_server_that_stops_sends_its_sessions_away_and_lets_nobody_in() -> None:
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        address = await stack.enter_async_context(gateway_address(drain_seconds=30, asr=SAME_WORDS))
        async with grpc.aio.insecure_channel(address) as channel:
            stub: Any = pb_grpc.RealtimeTranslateStub(channel)
            call: Any = stub.Stream()
            heard = Heard()
            tasks.create_task(read_into(heard, call))
            await call.write(hello("es"))
            await heard.until("ready", 1)
            tasks.create_task(_leave(stub, call, heard))
            async with asyncio.timeout(60):  # it need not wait for its time to be over
                await stack.aclose()
    (away,) = heard.of("go_away")
    assert 20_000 < away.time_left_ms <= 30_000
    assert len(heard.transcripts()) == 1


async def _leave(stub: Any, call: Any, heard: Heard) -> None:
    """Goes on speaking to the next acknowledgement, and goes."""
    await heard.until("go_away", 1)
    refused = (await talk(stub, hello("es"))).fault
    assert isinstance(refused, StageFailed)
    assert refused.code == "DRAINING"
    assert refused.retry_after_ms
    for message in chunks(UTTERANCE):
        await call.write(message)
    await heard.until("ack", 1)
    call.cancel()


async def test_a_session_that_stays_is_ended_resumable() -> None:
    keys: dict[str, Any] = {"resume_keys": "a:" + "k" * 32, "asr": SAME_WORDS}
    heard = Heard()
    async with gateway(**keys) as other:
        async with asyncio.TaskGroup() as tasks, gateway_address(drain_seconds=1, **keys) as address:
            channel = grpc.aio.insecure_channel(address)
            call: Any = pb_grpc.RealtimeTranslateStub(channel).Stream()
            tasks.create_task(read_into(heard, call))
            for message in [hello("es"), *chunks(loud(1.5))]:
                await call.write(message)
            await heard.until("asr", 1)
            tasks.create_task(_half_close(call, heard))
        await channel.close()
        assert isinstance(heard.fault, StageFailed)
        assert heard.error().code == heard.fault.code == "GOING_AWAY"
        assert handle(heard) == heard.of("go_away")[0].resume_handle
        before = Heard([each for each in heard.messages if not each.HasField("error")])
        after = await resumed(other, resuming(hello("es"), before), SAID)
    assert after.fault is None
    check(joined(before, after))
    assert len(after.transcripts()) == 2


async def _half_close(call: Any, heard: Heard) -> None:
    await heard.until("error", 1)
    await call.done_writing()
