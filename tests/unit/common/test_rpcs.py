"""What is measured of calls, at a server as every service runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import grpc
import pytest

from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from services.common.errors import AtCapacity, InvalidArgument, StageFailed
from services.common.server.door import Doors
from services.common.server.slots import Slots
from services.common.server.status import Status
from services.common.states import State
from services.common.telemetry.rpcs import stage_of
from tests.measured import Measured, measured
from tests.unit.common.test_server import Told, failure, served

TRANSLATE, WATCH = "mesh.mt.v1.Mt/Translate", "mesh.stage.v1.Stage/Watch"


@pytest.fixture
def seen() -> Iterator[Measured]:
    with measured() as seen:
        yield seen


def calls(seen: Measured) -> dict[tuple[str, ...], int]:
    return seen.counts("rpc.duration")


async def test_a_call_is_counted_by_its_method_and_how_it_ended(seen: Measured) -> None:
    async with served(Told()) as to_server:
        for _ in range(2):
            await mt_pb2_grpc.MtStub(to_server).Translate(mt_pb2.TranslateRequest(text="any"))
    await failure(Told(InvalidArgument("UNKNOWN_PAIR", "No.")))
    await failure(Told(KeyError("not foreseen")))
    assert calls(seen) == {(TRANSLATE, "OK"): 2, (TRANSLATE, "UNKNOWN_PAIR"): 1, (TRANSLATE, "DEFECT"): 1}


async def test_a_call_that_its_caller_leaves_is_cancelled_and_no_longer_active(seen: Measured) -> None:
    servicer = Told()
    servicer.gate.clear()
    async with served(servicer) as to_server:
        call = mt_pb2_grpc.MtStub(to_server).Translate(mt_pb2.TranslateRequest(text="any"))
        await servicer.entered.wait()
        assert seen.values("rpc.active") == {(TRANSLATE,): 1}
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
    assert calls(seen) == {(TRANSLATE, "CANCELLED"): 1}
    assert seen.values("rpc.active") == {(TRANSLATE,): 0}


async def test_streams_that_watch_the_service_are_measured_too(seen: Measured) -> None:
    async with served(Told()) as to_server:
        watch: Any = stage_pb2_grpc.StageStub(to_server).Watch(stage_pb2.WatchRequest())
        await watch.read()
        assert seen.values("rpc.active") == {(WATCH,): 1}
        watch.cancel()


@pytest.mark.parametrize("path", ["/mesh.mt.v1.Mt/DropTables", "/mesh.x/y", "/realtime.v1.RealtimeTranslate/", "/a/b"])
async def test_a_method_that_nobody_serves_makes_no_series(seen: Measured, path: str) -> None:
    async with served(Told()) as to_server:
        anything: Any = to_server.unary_unary(path)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await anything(b"")
        assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert not calls(seen)


async def test_what_the_doors_refuse_is_counted(seen: Measured) -> None:
    status = Status()
    doors = Doors(status, "mt")
    for phase in (State.STARTING, State.DRAINING, State.SERVING):
        await status.enter(phase)
        with suppress(StageFailed):
            doors.pass_(f"/{TRANSLATE}")
    await status.stick(True)
    with pytest.raises(StageFailed):
        doors.pass_(f"/{TRANSLATE}")
    codes = ("NOT_READY", "DRAINING", "STUCK")
    assert seen.values("refusals") == {("mt", code): 1 for code in codes}


def test_what_the_slots_refuse_is_counted_of_stages_and_gateways(seen: Measured) -> None:
    for stage in ("ASR", ""):
        slots = Slots(1, stage)
        with slots.taken(), pytest.raises(AtCapacity), slots.taken():
            pass
    assert seen.values("refusals") == {("asr", "AT_CAPACITY"): 1, ("gateway", "AT_CAPACITY"): 1}


@pytest.mark.parametrize(
    ("service_name", "stage"),
    [("mesh.asr.v1.Asr", "asr"), ("mesh.mt.v1.Mt", "mt"), ("realtime.v1.RealtimeTranslate", "gateway")],
)
def test_metrics_call_a_service_by_its_stage(service_name: str, stage: str) -> None:
    assert stage_of(service_name) == stage
