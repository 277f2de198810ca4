"""Processes that end themselves, or are made to: they leave nothing behind, and say by their status why."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from babelmesh.cli.faults import Fault, FaultKind, simulate_fault
from babelmesh.client.mesh import is_serving
from babelmesh.local.supervisor import Running, Service, free_ports, running
from mesh.mt.v1 import mt_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.server.lifecycle import running as serving
from services.common.statuses import from_rpc_error
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from tests.mesh import mt
from tests.mesh.mesh import Heard, hello, read_into, talk, text
from tests.mesh.resuming import resuming

pytestmark = pytest.mark.clock

STUCK_STATUS = 70


@asynccontextmanager
async def started(folder: Path, name: str, program: str = "", **variables: str) -> AsyncIterator[Running]:
    address = f"127.0.0.1:{free_ports().mt}"
    own = {f"{name.upper()}_{key}": value for key, value in {"LISTEN": address, "FAULTS": "true", **variables}.items()}
    module = ("-m", "babelmesh.local.child", str(os.getpid()), f"services.{name}")
    command = (sys.executable, *(("-c", program) if program else module))
    async with running([Service(name, command, address, own)], folder) as services:
        yield services[0]


def _await(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


async def status_of(service: Running) -> int:
    async with asyncio.timeout(60):
        return await service.child.wait()


async def test_a_translator_that_hangs_says_so_and_ends(tmp_path: Path) -> None:
    async with started(tmp_path, "mt", ENGINE="scripted", STUCK_SECONDS="0.3") as service:
        address = service.service.address
        await simulate_fault(address, Fault(FaultKind.HANG))
        async with grpc.aio.insecure_channel(address) as to:
            watch = stage_pb2_grpc.StageStub(to).Watch(stage_pb2.WatchRequest())
            call = mt_pb2_grpc.MtStub(to).Translate(mt.asking("hello"))
            async with asyncio.timeout(60):
                while isinstance(message := await watch.read(), stage_pb2.WatchResponse):
                    if message.state == stage_pb2.STATE_STUCK:
                        break
            call.cancel()
            watch.cancel()
        assert await status_of(service) == STUCK_STATUS
    assert "ended, the engine is stuck" in (tmp_path / "mt.log").read_text()


async def test_a_process_whose_loop_stands_still_ends_and_says_where(tmp_path: Path) -> None:
    async with started(tmp_path, "tts", ENGINE="scripted", STALLED_SECONDS="0.5") as service:
        await simulate_fault(service.service.address, Fault(FaultKind.BLOCK_LOOP))
        assert await status_of(service) == STUCK_STATUS
    log = (tmp_path / "tts.log").read_text()
    assert "the event loop stands still" in log
    assert "_stand_still" in log


async def test_a_call_that_holds_the_loop_is_ended_and_the_process_goes_on(tmp_path: Path) -> None:
    endless = {"ENGINE": "tests.mesh.failing:Endless", "HELD_SECONDS": "0.3"}
    async with started(tmp_path, "mt", **endless) as service, grpc.aio.insecure_channel(service.service.address) as to:
        stub = mt_pb2_grpc.MtStub(to)
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await stub.Translate(mt.asking("poison"), timeout=60)
        assert from_rpc_error(ended.value, "MT").code == "WORK_TOO_LONG"
        assert await mt.text_of(stub, "hello")
        assert service.child.returncode is None
    assert "its work held the event loop" in (tmp_path / "mt.log").read_text()


HELD_GATEWAY = """
import runpy
from services.gateway.incoming.typed import TypedSegment

extend = TypedSegment.extend

def holds(self, text):
    while "poison" in text:
        pass
    extend(self, text)

TypedSegment.extend = holds
runpy.run_module("services.gateway", run_name="__main__")
"""


async def test_a_session_that_holds_the_gateway_is_ended_typed_and_is_not_resumed_there(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        endpoints = await stages(stack)
        service = await stack.enter_async_context(
            started(tmp_path, "gateway", program=HELD_GATEWAY, HELD_SECONDS="0.3", **endpoints)
        )
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(service.service.address))
        stub: Any = RealtimeTranslateStub(channel)
        heard, other = Heard(), Heard()
        call, beside = stub.Stream(), stub.Stream()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            tasks.create_task(read_into(other, beside))
            for each in (call, beside):
                await each.write(hello("es"))
            await other.until("ready", 1)
            await heard.until("ready", 1)
            await call.write(text("poison", final=True))
            while heard.fault is None:  # noqa: ASYNC110 - no event tells of the end of a call
                await asyncio.sleep(0.02)
            again = await talk(stub, resuming(hello("es"), heard), text("hello", final=True))
            await beside.write(text("hello", final=True))
            await beside.done_writing()
        assert service.child.returncode is None
    assert [heard.fault.code, again.error().code] == ["WORK_TOO_LONG"] * 2
    assert not heard.fault.retry_after_ms
    assert other.fault is None
    assert other.finals("es")


async def stages(stack: AsyncExitStack) -> dict[str, str]:
    """Scripted stages in this process, as a gateway is told of them."""
    scripted: dict[str, Any] = {"engine": "scripted", "drain_seconds": 0}
    asr, mt_, tts = AsrSettings(vad="energy", **scripted), MtSettings(**scripted), TtsSettings(**scripted)
    ports = {
        "ASR": await stack.enter_async_context(serving(AsrServicer(asr), asr)),
        "MT": await stack.enter_async_context(serving(MtServicer(mt_), mt_)),
        "TTS": await stack.enter_async_context(serving(TtsServicer(tts), tts)),
    }
    return {f"{stage}_ENDPOINTS": f"127.0.0.1:{port}" for stage, port in ports.items()}


async def test_a_crash_is_a_kill(tmp_path: Path) -> None:
    async with started(tmp_path, "mt", ENGINE="scripted") as one:
        await simulate_fault(one.service.address, Fault(FaultKind.CRASH))
        assert await status_of(one) == -signal.SIGKILL


async def test_memory_is_taken_and_kept_and_the_service_goes_on(tmp_path: Path) -> None:
    async with started(tmp_path, "tts", ENGINE="scripted") as service:
        process = psutil.Process(service.child.pid)
        before = process.memory_info().rss
        await simulate_fault(service.service.address, Fault(FaultKind.EXHAUST_MEMORY, memory_mib=64))
        await asyncio.to_thread(_await, lambda: process.memory_info().rss >= before + 60 * 2**20)
        assert await is_serving(service.service.address)


SMALL_MACHINE = """
from services.common.server import memory
from services.common.server import lifecycle
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings

memory.available_bytes = lambda: 100 << 20
settings = MtSettings()
lifecycle.run("mt", lambda: (MtServicer(settings), settings))
"""


async def test_a_service_whose_memory_is_exhausted_ends_when_it_is_called(tmp_path: Path) -> None:
    async with started(tmp_path, "mt", program=SMALL_MACHINE, ENGINE="scripted") as service:
        address = service.service.address
        async with grpc.aio.insecure_channel(address) as to:
            await simulate_fault(address, Fault(FaultKind.EXHAUST_MEMORY))
            async with asyncio.timeout(60):
                while service.child.returncode is None:
                    with suppress(grpc.aio.AioRpcError):
                        await mt.text_of(mt_pb2_grpc.MtStub(to), "hello " * 500)
        assert await status_of(service)  # by our hand, or by that of a library which has nothing for this


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        pytest.param(
            "asr",
            FaultKind.CRASH,
            -signal.SIGKILL,
            marks=pytest.mark.skipif(not find_spec("pocketsphinx"), reason="pocketsphinx is not installed"),
        ),
        pytest.param("mt", FaultKind.CRASH, -signal.SIGKILL, marks=mt.needs_apertium),
        pytest.param("mt", FaultKind.BLOCK_LOOP, STUCK_STATUS, marks=mt.needs_apertium),
    ],
)
async def test_the_programs_of_an_engine_do_not_outlive_it(
    tmp_path: Path, name: str, kind: FaultKind, status: int
) -> None:
    warm = {"EMBEDDED__WARM_FROM": "en"} if name == "mt" else {}
    async with started(tmp_path, name, STALLED_SECONDS="0.5", **warm) as service:
        programs = psutil.Process(service.child.pid).children(recursive=True)
        assert programs
        await simulate_fault(service.service.address, Fault(kind))
        assert await status_of(service) == status
        _, left = await asyncio.to_thread(psutil.wait_procs, programs, timeout=60)
        assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE]
