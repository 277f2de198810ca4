"""A gateway's client that asks as KEDA does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc

from externalscaler import externalscaler_pb2 as pb
from externalscaler.externalscaler_pb2_grpc import ExternalScalerStub
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from services.gateway.settings import GatewaySettings
from tests.mesh.fake_stage import Replica
from tests.mesh.mesh import Address, hello, serving

ASR = {"stage": "asr", "measure": "slots"}
SESSIONS = {"stage": "gateway", "measure": "sessions"}


class Keda:
    """A client of one gateway that asks as KEDA does."""

    def __init__(self, operators: grpc.aio.Channel, clients: grpc.aio.Channel) -> None:
        self.stub: Any = ExternalScalerStub(operators)
        self.gateway: Any = RealtimeTranslateStub(clients)

    async def value(self, trigger: dict[str, str]) -> float:
        """The metric that GetMetricSpec names, as a KEDA that reads floats takes it."""
        where = reference(trigger)
        (spec,) = (await self.stub.GetMetricSpec(where)).metricSpecs
        asked = pb.GetMetricsRequest(scaledObjectRef=where, metricName=spec.metricName)
        (told,) = (await self.stub.GetMetrics(asked)).metricValues
        assert told.metricName == spec.metricName
        return float(told.metricValueFloat)

    async def active(self, trigger: dict[str, str]) -> bool:
        return bool((await self.stub.IsActive(reference(trigger))).result)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """A session that was let in."""
        call = self.gateway.Stream()
        await call.write(hello("es"))
        assert (await call.read()).WhichOneof("payload") == "ready"
        yield
        call.cancel()

    async def refused_and_worth(self, trigger: dict[str, str]) -> float:
        """The value right behind a session that was refused. It counts for a fraction of a second only."""
        call = self.gateway.Stream()
        await call.write(hello("es"))
        assert (await call.read()).error.fatal
        return await self.value(trigger)


def reference(trigger: dict[str, str]) -> pb.ScaledObjectRef:
    return pb.ScaledObjectRef(
        name="of-a-stage", namespace="babelmesh", scalerMetadata={"scalerAddress": "gateway:7710", **trigger}
    )


@asynccontextmanager
async def keda(address: Address) -> AsyncIterator[Keda]:
    async with (
        grpc.aio.insecure_channel(address.operators) as operators,
        grpc.aio.insecure_channel(address) as clients,
    ):
        yield Keda(operators, clients)


@asynccontextmanager
async def gateway_of(*replicas: Replica, **settings: Any) -> AsyncIterator[Keda]:
    """A gateway whose stages are all behind these replicas."""
    where = tuple(each.address for each in replicas)
    endpoints = {f"{stage}_endpoints": where for stage in ("asr", "mt", "tts")}
    own = GatewaySettings(**{**endpoints, "drain_seconds": 0, "watch_timeout_ms": 500, **settings})
    async with serving(own) as address, keda(address) as client:
        yield client


async def until_it_is(ask: Callable[[], Awaitable[object]], expected: object) -> None:
    async with asyncio.timeout(60):
        while await ask() != expected:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.01)
