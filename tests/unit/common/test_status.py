"""What a service tells those who watch it, and whom it lets in meanwhile."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import pytest
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from services.common.errors import StageFailed
from services.common.grpc_options import CHANNEL
from services.common.server.lifecycle import running
from services.common.server.replica import Replica
from services.common.server.slots import Slots
from services.common.server.watchdog import Watchdog
from services.common.statuses import from_rpc_error
from tests.unit.common.test_server import Settings, Told

STARTING, SERVING = stage_pb2.STATE_STARTING, stage_pb2.STATE_SERVING
DRAINING, STUCK = stage_pb2.STATE_DRAINING, stage_pb2.STATE_STUCK


class Asked(Told):
    """Takes a slot for each call, and has its engine wait for the gate."""

    def __init__(self, patience_seconds: float) -> None:
        super().__init__()
        self.slots = Slots(8, "MT")
        self.watchdog = Watchdog(patience_seconds)
        self.replica = Replica(self.slots, self.watchdog)

    async def Translate(self, request: mt_pb2.TranslateRequest, context: object) -> mt_pb2.TranslateResponse:
        with self.slots.taken():
            async with self.watchdog.step():
                return await super().Translate(request, context)


@dataclass
class Watching:
    """A server that starts and stops as it is told, and one call that watches it."""

    servicer: Asked
    to: grpc.aio.Channel
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.stub = mt_pb2_grpc.MtStub(self.to)
        self.call = stage_pb2_grpc.StageStub(self.to).Watch(stage_pb2.WatchRequest(), wait_for_ready=True)

    async def run(self, listen: str, drain_seconds: float) -> None:
        async with running(self.servicer, Settings(listen=listen, drain_seconds=drain_seconds)):
            await self.stop.wait()
        self.stopped.set()

    async def told(self, state: int) -> stage_pb2.WatchResponse:
        """The next message that tells this state."""
        async with asyncio.timeout(60):
            while isinstance(message := await self.call.read(), Message):
                assert isinstance(message, stage_pb2.WatchResponse)
                if message.state == state:
                    return message
        raise AssertionError("The watch ended.")

    async def refusal(self) -> StageFailed:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await self.stub.Translate(mt_pb2.TranslateRequest(), timeout=60)
        fault = from_rpc_error(refused.value, "MT")
        assert isinstance(fault, StageFailed)
        return fault


@asynccontextmanager
async def watching(drain_seconds: float = 30.0, patience_seconds: float = 3600.0) -> AsyncIterator[Watching]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
    servicer = Asked(patience_seconds)
    servicer.warm.clear()
    async with grpc.aio.insecure_channel(listen, options=CHANNEL) as to, asyncio.TaskGroup() as tasks:
        watched = Watching(servicer, to)
        tasks.create_task(watched.run(listen, drain_seconds))
        yield watched
        servicer.gate.set()
        watched.stop.set()


async def test_a_service_tells_its_state_from_its_start_to_its_stop() -> None:
    async with watching() as watched:
        await watched.told(STARTING)
        assert (await watched.refusal()).code == "NOT_READY"
        watched.servicer.warm.set()
        told = await watched.told(SERVING)
        assert (told.slots_total, told.queue_seconds, told.fill) == (8, 0, 0)  # without an engine, nothing waits
        watched.stop.set()
        await watched.told(DRAINING)
        async with asyncio.timeout(60):  # a watch that is open does not hold up the stop
            await watched.stopped.wait()
        assert await watched.call.code() is grpc.StatusCode.OK


async def test_the_slots_in_use_are_told_while_nothing_else_changes() -> None:
    async with watching() as watched:
        watched.servicer.warm.set()
        watched.servicer.gate.clear()
        assert (await watched.told(SERVING)).slots_used == 0
        call = watched.stub.Translate(mt_pb2.TranslateRequest())
        async with asyncio.timeout(60):
            while (await watched.told(SERVING)).slots_used != 1:
                pass
        watched.servicer.gate.set()
        await call


async def test_a_stop_waits_for_the_calls_here_and_refuses_new_ones() -> None:
    async with watching() as watched:
        watched.servicer.warm.set()
        watched.servicer.gate.clear()
        await watched.told(SERVING)
        call = watched.stub.Translate(mt_pb2.TranslateRequest(text="to the end"))
        await watched.servicer.entered.wait()
        watched.stop.set()
        await watched.told(DRAINING)
        refusals = [await watched.refusal() for _ in range(8)]
        assert {refusal.code for refusal in refusals} == {"DRAINING"}
        assert len({refusal.retry_after_ms for refusal in refusals}) > 1
        assert not watched.stopped.is_set()
        watched.servicer.gate.set()
        assert (await call).text == "to the end"


async def test_a_call_that_outlasts_the_grace_is_ended() -> None:
    async with watching(drain_seconds=0.2) as watched:
        watched.servicer.warm.set()
        watched.servicer.gate.clear()
        await watched.told(SERVING)
        call = watched.stub.Translate(mt_pb2.TranslateRequest())
        await watched.servicer.entered.wait()
        watched.stop.set()
        with pytest.raises(grpc.aio.AioRpcError):
            await call
        await watched.stopped.wait()


async def test_a_service_without_calls_stops_at_once() -> None:
    async with watching(drain_seconds=600) as watched:
        watched.servicer.warm.set()
        await watched.told(SERVING)
        health = health_pb2_grpc.HealthStub(watched.to)
        probe = health.Watch(health_pb2.HealthCheckRequest())  # type: ignore[attr-defined]  # the stubs know no streams
        await probe.read()
        began = time.monotonic()
        watched.stop.set()
        await watched.stopped.wait()
        assert time.monotonic() - began < 60


async def test_an_engine_that_hangs_is_told_and_takes_no_more_calls_until_it_answers() -> None:
    async with watching(patience_seconds=0.3) as watched:
        watched.servicer.warm.set()
        watched.servicer.gate.clear()
        await watched.told(SERVING)
        call = watched.stub.Translate(mt_pb2.TranslateRequest(text="late"))
        await watched.told(STUCK)
        assert (await watched.refusal()).code == "STUCK"
        check = health_pb2_grpc.HealthStub(watched.to).Check  # type: ignore[attr-defined]  # its stubs leave methods out
        for service in ("", watched.servicer.service_name):
            answer = await check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        watched.servicer.gate.set()
        assert (await call).text == "late"
        await watched.told(SERVING)
        answer = await check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
