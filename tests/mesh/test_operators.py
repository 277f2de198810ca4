"""What is for those who run a gateway is not where its clients call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from babelmesh.cli.faults import Fault, FaultKind, simulate_fault
from babelmesh.client.errors import SessionFailed
from externalscaler import externalscaler_pb2_grpc
from mesh.fault.v1 import fault_pb2, fault_pb2_grpc
from mesh.overview.v1 import overview_pb2, overview_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from tests.mesh.keda import ASR, reference
from tests.mesh.mesh import gateway_address


async def first(call: Any) -> object:
    """The first thing a call gives."""
    try:
        return await (call.read() if hasattr(call, "read") else call)
    finally:
        call.cancel()


def reflected(channel: Any) -> Any:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    return stub.ServerReflectionInfo(iter([request]))


CALLS: dict[str, Callable[[Any], Any]] = {
    "state": lambda to: stage_pb2_grpc.StageStub(to).Watch(stage_pb2.WatchRequest()),
    "overview": lambda to: overview_pb2_grpc.OverviewStub(to).Watch(overview_pb2.WatchRequest()),
    "autoscaler": lambda to: externalscaler_pb2_grpc.ExternalScalerStub(to).IsActive(reference(ASR)),
    "faults": lambda to: fault_pb2_grpc.FaultStub(to).SimulateFault(
        fault_pb2.SimulateFaultRequest(kind=fault_pb2.FAULT_KIND_FAIL_NEXT, stage="MT")
    ),
    "reflection": reflected,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
async def test_what_is_for_operators_is_served_at_their_port_alone(call: Callable[[Any], Any]) -> None:
    async with (
        gateway_address(stages={"faults": True}, faults=True, reflection=True) as address,
        grpc.aio.insecure_channel(address) as clients,
        grpc.aio.insecure_channel(address.operators) as operators,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await first(call(clients))
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert await first(call(operators)) is not grpc.aio.EOF


async def test_sessions_are_not_served_at_the_port_of_operators_and_health_is_at_both() -> None:
    async with (
        gateway_address() as address,
        grpc.aio.insecure_channel(address) as clients,
        grpc.aio.insecure_channel(address.operators) as operators,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await RealtimeTranslateStub(operators).Describe(pb.DescribeRequest())
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        for channel in (clients, operators):
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(service="realtime.v1.RealtimeTranslate"))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_who_asks_the_wrong_port_is_told_of_the_other_one() -> None:
    async with gateway_address() as address:
        with pytest.raises(SessionFailed, match="operators"):
            await simulate_fault(address, Fault(FaultKind.CRASH))


async def test_reflection_is_served_to_clients_where_it_is_set_and_names_what_they_may_call() -> None:
    async with gateway_address(client_reflection=True) as address, grpc.aio.insecure_channel(address) as clients:
        call = reflected(clients)
        answer = await call.read()
        call.cancel()
    names = {service.name for service in answer.list_services_response.service}
    assert {name for name in names if not name.startswith("grpc.")} == {"realtime.v1.RealtimeTranslate"}
