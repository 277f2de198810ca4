"""The server every service runs, around a small servicer that answers as it is told."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic_settings import SettingsConfigDict

from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from services.common.errors import KINDS, AtCapacity, InvalidArgument, MeshError, StageFailed, TooSlow
from services.common.grpc_options import CHANNEL
from services.common.server.lifecycle import LIVE, running
from services.common.server.replica import Replica
from services.common.server.slots import Slots
from services.common.server.watchdog import Watchdog
from services.common.settings import ServiceSettings
from services.common.statuses import from_rpc_error

SECRET = "what a user said"
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="UNIT_TEST_")


class Told(mt_pb2_grpc.MtServicer):
    """Raises what it was told to; else echoes."""

    service_name = "mesh.mt.v1.Mt"

    def __init__(self, outcome: BaseException | None = None) -> None:
        self.outcome = outcome
        self.replica = Replica(Slots(8, "MT"), Watchdog(0.3))
        self.warm = asyncio.Event()
        self.entered = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.warm.set()

    async def Describe(self, request: mt_pb2.DescribeRequest, context: Any) -> mt_pb2.DescribeResponse:
        return mt_pb2.DescribeResponse()

    def add_to(self, server: grpc.aio.Server) -> None:
        mt_pb2_grpc.add_MtServicer_to_server(self, server)

    async def start(self) -> None:
        await self.warm.wait()

    async def drain(self, seconds: float) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def Translate(self, request: mt_pb2.TranslateRequest, context: Any) -> mt_pb2.TranslateResponse:
        self.entered.set()
        await self.gate.wait()
        if self.outcome:
            raise self.outcome
        return mt_pb2.TranslateResponse(text=request.text)


@asynccontextmanager
async def served(servicer: Told) -> AsyncIterator[grpc.aio.Channel]:
    async with (
        running(servicer, Settings(drain_seconds=5)) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL) as to_server,
    ):
        yield to_server


async def failure(servicer: Told) -> grpc.aio.AioRpcError:
    async with served(servicer) as to_server:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await mt_pb2_grpc.MtStub(to_server).Translate(mt_pb2.TranslateRequest(text=SECRET))
    return failed.value


@pytest.mark.parametrize("kind", KINDS)
async def test_a_fault_crosses_the_wire_whole(kind: type[MeshError]) -> None:
    told = kind("SOME_CODE", "It went wrong.", retry_after_ms=250, stage="MT")
    heard = from_rpc_error(await failure(Told(told)), "MT")
    assert type(heard) is kind
    assert (heard.code, heard.message, heard.retry_after_ms, heard.stage) == ("SOME_CODE", "It went wrong.", 250, "MT")


async def test_a_field_at_fault_and_what_it_accepts_cross_the_wire_too() -> None:
    told = InvalidArgument("UNKNOWN_LANGUAGE", "No such language.", "target_langs[0]", ["es", "fr"])
    heard = from_rpc_error(await failure(Told(told)), "GATEWAY")
    assert (heard.message, heard.field, list(heard.accepted)) == (told.message, told.field, told.accepted)
    assert str(heard) == str(told)
    many = InvalidArgument("UNKNOWN_LANGUAGE", "No such language.", "target_langs[0]", [f"x-{n}" for n in range(500)])
    kept = from_rpc_error(await failure(Told(many)), "GATEWAY").accepted
    assert kept == many.accepted[: len(kept)] != []


async def test_a_fault_without_retry_is_not_given_one() -> None:
    heard = from_rpc_error(await failure(Told(InvalidArgument("UNKNOWN_PAIR", "No."))), "MT")
    assert heard.retry_after_ms is None


async def test_a_retry_at_once_is_another_thing_than_none() -> None:
    heard = from_rpc_error(await failure(Told(TooSlow("SPEECH_UNREAD", "No.", retry_after_ms=0))), "MT")
    assert heard.retry_after_ms == 0


async def test_the_fault_of_a_task_group_is_the_status() -> None:
    told = ExceptionGroup("group", [ValueError(SECRET), AtCapacity("AT_CAPACITY", "Full.", retry_after_ms=100)])
    error = await failure(Told(told))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_what_was_not_foreseen_is_internal_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        error = await failure(Told(KeyError(SECRET)))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert SECRET not in (error.details() or "")
    assert not [value for _, value in error.trailing_metadata() or () if SECRET in str(value)]
    assert [record.getMessage() for record in caplog.records] == ["call failed unexpectedly"]


async def test_a_server_that_is_gone_is_a_failed_stage() -> None:
    async with running(Told(), Settings()) as port:
        pass
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL) as to_nobody:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await mt_pb2_grpc.MtStub(to_nobody).Translate(mt_pb2.TranslateRequest(), timeout=60)
    heard = from_rpc_error(failed.value, "MT")
    assert isinstance(heard, StageFailed)
    assert heard.code == "MT_UNAVAILABLE"
    assert heard.retry_after_ms


async def test_a_deadline_is_too_slow() -> None:
    servicer = Told()
    servicer.gate.clear()
    async with served(servicer) as to_server:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await mt_pb2_grpc.MtStub(to_server).Translate(mt_pb2.TranslateRequest(), timeout=0.1)
        servicer.gate.set()
    assert from_rpc_error(failed.value, "MT").code == "MT_TOO_SLOW"


async def test_health_says_ready_after_the_warm_up_only() -> None:
    servicer = Told()
    servicer.warm.clear()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
    async with asyncio.TaskGroup() as group, grpc.aio.insecure_channel(listen, options=CHANNEL) as to_server:
        stop = asyncio.Event()
        group.create_task(_run(servicer, listen, stop))
        watch = health_pb2_grpc.HealthStub(to_server).Watch  # type: ignore[attr-defined]  # the stubs know no streams
        ask = health_pb2.HealthCheckRequest(service=servicer.service_name)
        changes = watch(ask, wait_for_ready=True, timeout=60)
        assert (await changes.read()).status == NOT_SERVING
        stub = mt_pb2_grpc.MtStub(to_server)
        with pytest.raises(grpc.aio.AioRpcError, match="still starting"):  # half-loaded, it would tell half
            await stub.Describe(mt_pb2.DescribeRequest())
        servicer.warm.set()
        assert (await changes.read()).status == SERVING
        await stub.Describe(mt_pb2.DescribeRequest())
        stop.set()
        assert (await changes.read()).status == NOT_SERVING


async def test_who_asks_whether_it_lives_hears_yes_while_it_loads_and_drains() -> None:
    servicer = Told()
    servicer.warm.clear()
    servicer.gate.clear()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
    async with asyncio.TaskGroup() as group, grpc.aio.insecure_channel(listen, options=CHANNEL) as to_server:
        stop = asyncio.Event()
        group.create_task(_run(servicer, listen, stop))
        stub: Any = health_pb2_grpc.HealthStub(to_server)
        live, ready = (health_pb2.HealthCheckRequest(service=name) for name in (LIVE, servicer.service_name))
        assert (await stub.Check(live, wait_for_ready=True, timeout=60)).status == SERVING
        assert (await stub.Check(ready)).status == NOT_SERVING
        servicer.warm.set()
        changes = stub.Watch(ready, timeout=60)
        while (await changes.read()).status != SERVING:
            pass
        call = mt_pb2_grpc.MtStub(to_server).Translate(mt_pb2.TranslateRequest())
        await servicer.entered.wait()
        stop.set()
        assert (await changes.read()).status == NOT_SERVING
        assert (await stub.Check(live)).status == SERVING
        servicer.gate.set()
        await call


async def test_a_stop_lets_the_running_call_end() -> None:
    servicer = Told()
    servicer.gate.clear()
    async with asyncio.TaskGroup() as group, running(servicer, Settings(drain_seconds=5)) as port:
        client = group.create_task(_translate(port))
        await servicer.entered.wait()
        asyncio.get_running_loop().call_later(0.1, servicer.gate.set)
    assert client.result() == "to the end"


async def _run(servicer: Told, listen: str, stop: asyncio.Event) -> None:
    async with running(servicer, Settings(listen=listen, drain_seconds=1)):
        await stop.wait()


async def _translate(port: int) -> str:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL) as to_server:
        return (await mt_pb2_grpc.MtStub(to_server).Translate(mt_pb2.TranslateRequest(text="to the end"))).text
