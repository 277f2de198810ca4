"""What an autoscaler is told, by KEDA's own contract, of a mesh that works."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from externalscaler import externalscaler_pb2 as pb
from mesh.stage.v1 import stage_pb2
from realtime.v1.realtime_translate_pb2 import DescribeRequest
from services.common.server.lifecycle import running
from services.common.tls.calling import PLAIN
from services.gateway.servicer import GatewayServicer
from services.gateway.settings import GatewaySettings
from services.gateway.stages.addresses import Addresses
from tests.mesh.fake_stage import replica
from tests.mesh.keda import ASR, SESSIONS, Keda, gateway_of, keda, reference, until_it_is
from tests.mesh.mesh import Address, gateway_address, hello


async def test_sessions_are_worth_the_places_they_take_and_none_when_they_are_over() -> None:
    async with gateway_address(asr_slots=4, slots=8) as address, keda(address) as client:
        assert await client.value(ASR) == 0
        assert not await client.active(ASR)
        async with client.session(), client.session():
            await until_it_is(lambda: client.value(ASR), 0.5)
            await until_it_is(lambda: client.value(SESSIONS), 0.25)
            assert await client.active(ASR)
            assert await client.active({"stage": "mt", "measure": "fill"})
        await until_it_is(lambda: client.value(ASR), 0)
        await until_it_is(lambda: client.value(SESSIONS), 0)
        await until_it_is(lambda: client.active(ASR), False)


async def test_queues_and_fill_are_summed_over_replicas() -> None:
    async with (
        replica("a", queue_seconds=0.25, fill=0.5) as a,
        replica("b", queue_seconds=0.5, fill=1.0) as b,
        gateway_of(a, b) as client,
    ):
        assert await client.value({"stage": "mt", "measure": "queue"}) == 0.75
        assert await client.value({"stage": "tts", "measure": "fill"}) == 1.5
        b.queue_seconds = 0.0
        await until_it_is(lambda: client.value({"stage": "mt", "measure": "queue"}), 0.25)


async def test_a_metric_has_its_target_and_whole_numbers_for_those_who_read_no_others() -> None:
    async with replica("a", total=4, used=4) as a, replica("b", total=4, used=1) as b, gateway_of(a, b) as client:
        where = reference({**ASR, "target": "0.5"})
        (spec,) = (await client.stub.GetMetricSpec(where)).metricSpecs
        assert (spec.metricName, spec.targetSizeFloat, spec.targetSize) == ("babelmesh-asr-slots", 0.5, 1)
        for name in ("babelmesh-asr-slots", "s2-babelmesh-asr-slots"):
            asked = pb.GetMetricsRequest(scaledObjectRef=where, metricName=name)
            (told,) = (await client.stub.GetMetrics(asked)).metricValues
            assert (told.metricValueFloat, told.metricValue) == (1.25, 3)


async def test_what_is_refused_at_the_door_is_wanted_too() -> None:
    async with gateway_address(asr_slots=4, slots=1) as address, keda(address) as client, client.session():
        await until_it_is(lambda: client.value(SESSIONS), 1.0)
        await until_it_is(lambda: client.refused_and_worth(SESSIONS), 2.0)
        await until_it_is(lambda: client.value(SESSIONS), 1.0)  # it did not come back when it was due


async def test_a_session_refused_by_a_full_stage_is_wanted_of_that_stage() -> None:
    async with gateway_address(asr_slots=1, slots=8) as address, keda(address) as client, client.session():
        await until_it_is(lambda: client.value(ASR), 1.0)
        await until_it_is(lambda: client.refused_and_worth(ASR), 2.0)


async def test_sessions_and_those_turned_away_are_wanted_of_the_synthesizer_before_they_call_it() -> None:
    tts = {"stage": "tts", "measure": "sessions", "target": "45"}
    async with gateway_address(asr_slots=2, slots=8) as address, keda(address) as client:
        assert await client.value(tts) == 0
        async with client.session(), client.session():
            await until_it_is(lambda: client.value(tts), 2)
            await until_it_is(lambda: client.refused_and_worth(tts), 3)
        await until_it_is(lambda: client.value(tts), 0)


async def test_a_number_of_sessions_that_is_missing_is_asked_for_by_name() -> None:
    async with replica("a") as a, gateway_of(a) as client:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await client.stub.GetMetricSpec(reference({"stage": "tts", "measure": "sessions"}))
        assert violation(raised.value).field == "scalerMetadata.target"
        assert "how many sessions one replica is to carry" in violation(raised.value).description


async def test_any_gateway_answers_for_all_of_them() -> None:
    async with AsyncExitStack() as stack:
        ports = [free_port() for _ in range(2)]
        peers = tuple(f"127.0.0.1:{port}" for port in ports)
        gateways = [gateway_address(operations=peer, peer_endpoints=peers, slots=4) for peer in peers]
        addresses = [await stack.enter_async_context(each) for each in gateways]
        one, other = [await stack.enter_async_context(keda(each)) for each in addresses]
        async with one.session(), one.session(), other.session():
            for each in (one, other):
                await until_it_is(partial(each.value, SESSIONS), 0.75)
        for each in (one, other):
            await until_it_is(partial(each.value, SESSIONS), 0)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def test_a_new_replica_is_seen_without_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []

    async def lookup(name: str, port: int) -> list[str]:
        return found

    monkeypatch.setattr(Addresses.__init__, "__defaults__", (lookup, "", PLAIN))
    async with (
        replica("a", total=4, used=4) as a,
        replica("b", total=4, used=2) as b,
    ):
        found.append(a.address)
        asr: dict[str, Any] = {"asr_endpoints": ("dns:///asr:7701",), "stages_plaintext": True, "resolve_seconds": 0.1}
        async with gateway_of(a, **asr) as client:
            assert await client.value(ASR) == 1.0
            found.append(b.address)
            await until_it_is(lambda: client.value(ASR), 1.5)


async def test_a_replica_that_drains_counts_until_its_streams_have_moved() -> None:
    async with replica("a", total=4, used=2) as a, replica("b", total=4, used=2) as b, gateway_of(a, b) as client:
        assert await client.value(ASR) == 1.0
        b.state = stage_pb2.STATE_DRAINING
        a.used = 3
        await until_it_is(lambda: client.value(ASR), 1.25)
        b.used = 0
        await until_it_is(lambda: client.value(ASR), 0.75)


async def test_a_stage_that_is_cut_off_is_not_taken_for_one_without_load() -> None:
    async with (
        replica("a", total=4, used=3) as a,
        gateway_address(asr_endpoints=(a.address,)) as address,
        keda(address) as client,
        client.session(),
    ):
        assert await client.value({**ASR, "target": "0.25"}) == 0.75
        a.wire.cut()
        await until_it_is(lambda: asr_is_lost(client), True)
        assert await client.value({**ASR, "target": "0.25"}) == 0.75


async def asr_is_lost(client: Keda) -> bool:
    """A refusal for want of the stage."""
    call = client.gateway.Stream()
    await call.write(hello("es"))
    return bool((await call.read()).error.code == "ASR_UNAVAILABLE")


async def test_a_stage_scaled_to_none_is_wanted_by_the_first_who_asks_for_it() -> None:
    async with (
        replica("a") as a,
        gateway_address(asr_endpoints=(a.address,)) as address,
        keda(address) as client,
    ):
        a.wire.cut()
        await until_it_is(lambda: asr_is_lost(client), True)
        await until_it_is(lambda: client.refused_and_worth(ASR), 0.7)  # one replica, of the default target
        assert await client.active(ASR)
        await until_it_is(lambda: client.active(ASR), False)  # nobody came back
        assert await client.value(ASR) == 0


async def test_a_gateway_that_cannot_start_yet_wants_one_of_each_stage() -> None:
    port, nobody = free_port(), ("127.0.0.1:9",)
    own = GatewaySettings(
        operations=f"127.0.0.1:{port}", drain_seconds=0, asr_endpoints=nobody, mt_endpoints=nobody, tts_endpoints=nobody
    )
    async with asyncio.TaskGroup() as tasks:
        starting = tasks.create_task(started(own))
        async with keda(Address("127.0.0.1:9", f"127.0.0.1:{port}")) as client:
            where = reference(ASR)
            assert (await client.stub.IsActive(where, wait_for_ready=True)).result
            assert await client.value(ASR) == 0.7
        starting.cancel()


async def started(settings: GatewaySettings) -> None:
    async with running(GatewayServicer(settings), settings):
        pytest.fail("It started without its stages.")


async def test_whether_a_stage_is_wanted_is_told_with_each_change() -> None:
    async with gateway_address() as address, keda(address) as client:
        told = client.stub.StreamIsActive(reference(ASR))
        assert not (await told.read()).result
        async with client.session():
            assert (await told.read()).result
        assert not (await told.read()).result
        told.cancel()


async def test_a_gateway_that_stops_ends_the_watch_of_whether_a_stage_is_wanted_well() -> None:
    """KEDA waits longer before each try after a fault, and begins again at once after OK."""
    async with AsyncExitStack() as outer:
        mesh = AsyncExitStack()
        address = await mesh.enter_async_context(gateway_address(drain_seconds=20))
        client = await outer.enter_async_context(keda(address))
        told = client.stub.StreamIsActive(reference(ASR))
        assert not (await told.read()).result
        await mesh.aclose()
        assert await told.read() is grpc.aio.EOF
        assert await told.code() is grpc.StatusCode.OK


@pytest.mark.parametrize("method", ["IsActive", "GetMetricSpec", "GetMetrics", "StreamIsActive"])
async def test_metadata_that_is_not_understood_is_refused_by_name(method: str) -> None:
    async with replica("a") as a, gateway_of(a) as client:
        wrong = reference({"stage": "asr", "measure": "cpu"})
        request = pb.GetMetricsRequest(scaledObjectRef=wrong) if method == "GetMetrics" else wrong
        call = getattr(client.stub, method)(request)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await (call.read() if method == "StreamIsActive" else call)
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert violation(raised.value).field == "scalerMetadata.measure"
        assert "slots, fill, queue" in violation(raised.value).description


async def test_another_metric_than_the_triggers_is_refused_by_name() -> None:
    async with replica("a") as a, gateway_of(a) as client:
        asked = pb.GetMetricsRequest(scaledObjectRef=reference(ASR), metricName="babelmesh-mt-fill")
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await client.stub.GetMetrics(asked)
        assert violation(raised.value).field == "metricName"
        assert "babelmesh-asr-slots" in violation(raised.value).description


def violation(error: grpc.aio.AioRpcError) -> Any:
    """The field that a status blames."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # as services.common.errors does
    assert status is not None
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    return bad.field_violations[0]


async def test_the_autoscaler_is_answered_while_the_gateway_drains() -> None:
    async with AsyncExitStack() as outer:
        mesh = AsyncExitStack()
        client = await outer.enter_async_context(
            keda(await mesh.enter_async_context(gateway_address(drain_seconds=20)))
        )
        async with asyncio.TaskGroup() as tasks:
            async with client.session():
                await until_it_is(lambda: client.value(SESSIONS), 0.0625)
                draining = tasks.create_task(mesh.aclose())
                await until_it_is(lambda: drains(client), True)
                assert await client.value(SESSIONS) == 0.0625
                assert await client.active(ASR)
            await draining


async def drains(client: Keda) -> bool:
    """Whether it refuses other calls."""
    try:
        await client.gateway.Describe(DescribeRequest())
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.UNAVAILABLE
    return False
