"""What a gateway's door lets one client take: streams, connections, time, and slots that others want too."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from services.common.errors import StageFailed
from services.gateway.stages.stages import Stages
from tests.mesh.fake_stage import replica
from tests.mesh.mesh import Address, Heard, gateway, gateway_address, hello, read_into, talk, text
from tests.mesh.resuming import resuming

pytestmark = pytest.mark.clock

KEY = "x-tenant"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # with settings: the usual ones
PING = bytes([0, 0, 8, 6, 0, 0, 0, 0, 0]) + bytes(8)
GOAWAY, ENHANCE_YOUR_CALM = 7, 11


async def opened(stub: Any, tenant: str) -> Any:
    """A call of a tenant, with what was said to its hello."""
    call = stub.Stream(metadata=((KEY, tenant),))
    await call.write(hello("es"))
    return call, await call.read()


async def test_a_stream_that_is_never_greeted_ends_with_a_typed_status() -> None:
    async with gateway(greet_ms=200) as stub:
        call: Any = stub.Stream()
        heard = Heard()
        async with asyncio.timeout(60):
            await read_into(heard, call)
    assert heard.error().code == "HELLO_TIMEOUT"
    assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert heard.fault and heard.fault.retry_after_ms  # noqa: PT018 - the first is for the type checker


async def test_streams_without_a_session_are_bounded_for_each_client() -> None:
    async with gateway(ungreeted_client_streams=2) as stub:
        waiting: list[Any] = [stub.Stream() for _ in range(2)]
        for call in waiting:
            await call.wait_for_connection()
        third: Any = stub.Stream()
        heard = Heard()
        await read_into(heard, third)
        assert heard.fault
        assert (heard.fault.code, await third.code()) == ("TOO_MANY_STREAMS", grpc.StatusCode.RESOURCE_EXHAUSTED)
        await waiting[0].write(hello("es"))
        assert (await waiting[0].read()).HasField("ready")
        assert (await talk(stub, hello("es"))).fault is None
        for call in waiting:
            call.cancel()


async def test_a_stream_without_a_hello_does_not_hold_a_drain() -> None:
    async with AsyncExitStack() as outer:
        mesh = AsyncExitStack()
        address = await mesh.enter_async_context(gateway_address(drain_seconds=30, greet_ms=60_000))
        channel = await outer.enter_async_context(grpc.aio.insecure_channel(address))
        call: Any = RealtimeTranslateStub(channel).Stream()
        await call.wait_for_connection()
        await talk(RealtimeTranslateStub(channel), hello("es"))  # behind the other one, which is there then
        async with asyncio.timeout(60):
            await mesh.aclose()
        heard = Heard()
        await read_into(heard, call)
    assert heard.error().code == "DRAINING"
    assert isinstance(heard.fault, StageFailed)


async def test_a_call_that_lasts_too_long_is_ended_and_its_session_goes_on_in_another_one() -> None:
    async with gateway(session_seconds=1) as stub:
        call: Any = stub.Stream()
        await call.write(hello("es"))
        heard = Heard()
        async with asyncio.timeout(60):
            await read_into(heard, call)
        (notice,) = heard.of("go_away")
        assert (notice.time_left_ms, bool(notice.resume_handle)) == (500, True)
        assert heard.error().code == "SESSION_TOO_LONG"
        assert isinstance(heard.fault, StageFailed)
        assert heard.fault.retry_after_ms
        assert (await talk(stub, resuming(hello("es"), heard, bare=True))).fault is None


async def test_tenants_share_the_slots_that_they_all_want() -> None:
    async with gateway(slots=3, tenant_metadata=KEY) as stub:
        greedy = [(await opened(stub, "greedy"))[0] for _ in range(3)]
        call, answer = await opened(stub, "small")
        assert answer.error.code == "AT_CAPACITY"
        await ended(call)
        await left(greedy.pop())
        call, answer = await opened(stub, "greedy")
        assert answer.error.code == "SHARE_USED"
        status = await ended(call)
        assert (status.code(), quota(status).subject) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TENANT")
        call, answer = await opened(stub, "small")
        assert answer.HasField("ready")
        for each in (*greedy, call):
            each.cancel()


async def test_what_tenants_hold_is_given_back_with_whatever_their_calls_end_with() -> None:
    async with gateway(slots=2, tenant_metadata=KEY, tenant_slots=1) as stub:
        for end in (left, cut) * 3:
            call, answer = await opened(stub, "one")
            assert answer.HasField("ready")
            other, refused = await opened(stub, "one")
            assert refused.error.code == "TENANT_LIMIT"
            await ended(other)
            await end(call)
        call, answer = await opened(stub, "one")
        assert answer.HasField("ready")
        await left(call)


async def test_a_tenant_that_calls_too_often_is_told_so() -> None:
    async with gateway(tenant_metadata=KEY, calls_per_second=1) as stub:
        many: Any = [stub.Describe(pb.DescribeRequest(), metadata=((KEY, "many"),)) for _ in range(6)]
        outcomes = await asyncio.gather(*many, return_exceptions=True)
        refusals = [each for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
        assert refusals
        assert {each.code() for each in refusals} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert {quota(each).subject for each in refusals} == {"TENANT"}
        await stub.Describe(pb.DescribeRequest(), metadata=((KEY, "few"),))
        call, answer = await opened(stub, "many")  # a session is another matter
        assert answer.HasField("ready")
        await left(call)


async def test_a_session_is_refused_without_asking_recognizers_that_told_they_are_full() -> None:
    """A stage that is asked answers when it comes to it: a refusal would wait for those who are busiest."""
    async with (
        replica("a", total=4, used=4) as one,
        replica("b", total=2, used=2) as other,
        gateway(asr_endpoints=(one.address, other.address)) as stub,
    ):
        heard = await talk(stub, hello("es"))
        assert (heard.error().code, heard.error().stage) == ("AT_CAPACITY", pb.STAGE_ASR)
        assert heard.error().retry_after_ms
        assert not one.asked + other.asked
        other.used = 1
        async with asyncio.timeout(60):
            while not (await opened(stub, ""))[1].HasField("ready"):
                pass
        assert other.asked


async def test_a_refusal_for_want_of_a_slot_waits_for_no_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A glossary's pronunciations are looked up at the synthesizer: a session that gets no slot has no need of it."""

    async def never(stages: Stages, voice_lang: str) -> tuple[str, ...]:
        await asyncio.Event().wait()
        return ()

    monkeypatch.setattr(Stages, "symbols", never)
    async with gateway(slots=1) as stub:
        first, answer = await opened(stub, "")
        assert answer.HasField("ready")
        terms = [pb.GlossaryTerm(source="word", pronunciations={"es": "a"})]
        async with asyncio.timeout(60):
            heard = await talk(stub, hello("es", glossary=pb.Glossary(terms=terms)))
        assert heard.error().code == "AT_CAPACITY"
        first.cancel()


async def test_a_tenant_that_holds_nearly_all_gives_back_what_others_want() -> None:
    async with gateway(slots=4, tenant_metadata=KEY) as stub:
        held = [Heard() for _ in range(4)]
        async with asyncio.TaskGroup() as tasks, asyncio.timeout(60):
            greedy: list[Any] = [stub.Stream(metadata=((KEY, "greedy"),)) for _ in held]
            for heard, each in zip(held, greedy, strict=True):
                await each.write(hello("es"))
                tasks.create_task(read_into(heard, each))
                await heard.until("ready", 1)
            call, answer = await opened(stub, "small")
            while answer.HasField("error"):
                await ended(call)
                await asyncio.sleep(answer.error.retry_after_ms / 1000)
                call, answer = await opened(stub, "small")
            assert answer.HasField("ready")
            (notice,) = held[-1].of("go_away")
            assert notice.resume_handle
            assert held[-1].error().code == "SHARE_WANTED"
            assert held[-1].error().retry_after_ms
            assert not any(heard.fault for heard in held[:-1])
            await left(call)
            for each in greedy[:-1]:
                await each.done_writing()


async def test_typed_lines_go_through_a_door_that_counts() -> None:
    async with gateway(slots=2, tenant_metadata=KEY) as stub:
        heard = await talk(stub, hello("es"), text("Hello.", final=True))
    assert heard.finals("es")


@asynccontextmanager
async def connection(address: Address) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(PREFACE)
    try:
        yield reader, writer
    finally:
        writer.close()


async def goaway(reader: asyncio.StreamReader) -> int:
    """The code with which the server ends a connection."""
    while True:
        head = await reader.readexactly(9)
        body = await reader.readexactly(int.from_bytes(head[:3], "big"))
        if head[3] == GOAWAY:
            return int(struct.unpack(">I", body[4:8])[0])


async def test_who_pings_without_pause_is_disconnected() -> None:
    async with gateway_address() as address, connection(address) as (reader, writer), asyncio.TaskGroup() as tasks:
        ended = tasks.create_task(goaway(reader))
        for _ in range(200):  # one after the other: what comes behind the end would have the end itself lost
            writer.write(PING)
            if (await asyncio.wait([ended], timeout=0.02))[0]:
                break
        assert await ended == ENHANCE_YOUR_CALM


async def test_connections_are_bounded() -> None:
    async with (
        gateway_address(connections=2) as address,
        connection(address) as (one, _),
        connection(address) as (other, _),
    ):
        async with asyncio.timeout(60):
            assert await one.readexactly(9)
            assert await other.readexactly(9)
            async with connection(address) as (third, _):
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await third.readexactly(9)


async def left(call: Any) -> None:
    """Ends a session well."""
    await call.done_writing()
    while await call.read() is not grpc.aio.EOF:
        pass
    await call.code()


async def cut(call: Any) -> None:
    """Ends a call as a client does that goes away, and has the gateway see it."""
    call.cancel()
    await asyncio.sleep(0.1)


async def ended(call: Any) -> grpc.aio.AioRpcError:
    """The status that a refused call ends with."""
    try:
        while await call.read() is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError as status:
        return status
    raise AssertionError("It ended well.")


def quota(error: grpc.aio.AioRpcError) -> Any:
    """Whose quota a status says was used up."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # as services.common.errors does
    assert status is not None
    failure = error_details_pb2.QuotaFailure()
    assert any(detail.Unpack(failure) for detail in status.details)
    return failure.violations[0]
