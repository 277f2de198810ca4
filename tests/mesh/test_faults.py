"""Faults on demand, as the command line asks a mesh for them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from babelmesh.cli.faults import Fault, FaultKind, FaultStage, simulate_fault
from babelmesh.client.errors import SessionFailed
from mesh.asr.v1 import asr_pb2_grpc
from mesh.mt.v1 import mt_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from mesh.tts.v1 import tts_pb2_grpc
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.server.lifecycle import Servicer, running
from services.common.settings import ServiceSettings
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from tests.mesh import asr, mt, tts
from tests.mesh.mesh import gateway_address

COMMAND = Path(sys.executable).parent / "babelmesh"


@asynccontextmanager
async def breakable(servicer: Servicer, settings: ServiceSettings) -> AsyncIterator[tuple[str, grpc.aio.Channel]]:
    async with running(servicer, settings) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:
        yield f"127.0.0.1:{port}", to


async def until_stuck(to: grpc.aio.Channel) -> None:
    async with asyncio.timeout(60):
        async for message in stage_pb2_grpc.StageStub(to).Watch(stage_pb2.WatchRequest()):
            if message.state == stage_pb2.STATE_STUCK:
                return


async def test_faults_are_refused_unless_the_setting_allows_them() -> None:
    async with gateway_address() as address:
        with pytest.raises(SessionFailed, match="GATEWAY_FAULTS=true") as refused:
            await simulate_fault(address.operators, Fault(FaultKind.CRASH))
    assert refused.value.code == "FAULTS_OFF"
    async with gateway_address(faults=True) as address:
        with pytest.raises(SessionFailed, match="TTS_FAULTS=true"):
            await simulate_fault(address.operators, Fault(FaultKind.CRASH, FaultStage.TTS))
        with pytest.raises(SessionFailed) as refused:
            await simulate_fault(address.operators, Fault(FaultKind.HANG))
        assert refused.value.field == "kind"


async def test_the_gateway_passes_a_fault_on_to_a_replica_of_the_stage() -> None:
    settings = MtSettings(engine="scripted", faults=True, drain_seconds=0)
    async with (
        breakable(MtServicer(settings), settings) as (endpoint, to_mt),
        gateway_address(faults=True, mt_endpoints=(endpoint,)) as address,
    ):
        await simulate_fault(address.operators, Fault(FaultKind.FAIL_NEXT, FaultStage.MT))
        stub = mt_pb2_grpc.MtStub(to_mt)
        with pytest.raises(grpc.aio.AioRpcError, match="as it was told to"):
            await mt.text_of(stub, "hello")
        assert await mt.text_of(stub, "hello") == "hello-es"


async def test_a_translator_that_hangs_is_stuck() -> None:
    settings = MtSettings(engine="scripted", faults=True, drain_seconds=0)
    async with breakable(MtServicer(settings), settings) as (address, to):
        await simulate_fault(address, Fault(FaultKind.HANG))
        hanging = mt_pb2_grpc.MtStub(to).Translate(mt.asking("hello"))
        await until_stuck(to)
        hanging.cancel()


async def test_a_voice_that_hangs_in_the_midst_of_a_clause_is_stuck() -> None:
    settings = TtsSettings(engine="scripted", faults=True, drain_seconds=0)
    async with breakable(TtsServicer(settings), settings) as (address, to):
        await simulate_fault(address, Fault(FaultKind.HANG, after_calls=2))
        clause = tts_pb2_grpc.TtsStub(to).Synthesize(tts.asking("a clause of several pieces"))
        await clause.read()
        await clause.read()
        await until_stuck(to)
        clause.cancel()


async def test_a_recognizer_that_hangs_is_stuck_and_one_that_waits_for_audio_or_its_reader_is_not() -> None:
    settings = AsrSettings(engine="scripted", vad="energy", faults=True, drain_seconds=0, stuck_seconds=0.2)
    async with breakable(AsrServicer(settings), settings) as (address, to):
        watch = stage_pb2_grpc.StageStub(to).Watch(stage_pb2.WatchRequest())
        opened = asr.Session(asr_pb2_grpc.AsrStub(to).Recognize())
        await opened.configure()
        await opened.audio(asr.loud(1000))
        for _ in range(6):  # more than a second
            message = await watch.read()
            assert isinstance(message, stage_pb2.WatchResponse)
            assert message.state == stage_pb2.STATE_SERVING
        await simulate_fault(address, Fault(FaultKind.HANG))
        await opened.audio(asr.loud(1000))
        await until_stuck(to)
        watch.cancel()
        opened.call.cancel()


async def test_a_recognition_fails_after_so_many_pieces_of_speech() -> None:
    settings = AsrSettings(engine="scripted", vad="energy", faults=True, drain_seconds=0)
    async with breakable(AsrServicer(settings), settings) as (address, to):
        await simulate_fault(address, Fault(FaultKind.FAIL_NEXT, after_calls=5))
        opened = asr.Session(asr_pb2_grpc.AsrStub(to).Recognize())
        await opened.configure()
        await opened.audio(asr.loud(400))
        await opened.until("result")
        await opened.audio(asr.loud(600), chunk_ms=600)
        error = await opened.status()
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert asr.finals(await asr.session(asr_pb2_grpc.AsrStub(to), asr.loud(1000)))


async def test_the_command_line_arms_a_fault_and_tells_why_one_is_refused() -> None:
    async def fault(*arguments: str) -> tuple[int | None, str]:
        child = await asyncio.create_subprocess_exec(
            COMMAND, "fault", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        _, err = await child.communicate()
        return child.returncode, err.decode()

    settings = MtSettings(engine="scripted", faults=True, drain_seconds=0)
    async with breakable(MtServicer(settings), settings) as (address, to):
        assert await fault("--server", address, "--kind", "fail-next", "--after-calls", "1") == (0, "")
        stub = mt_pb2_grpc.MtStub(to)
        assert await mt.text_of(stub, "hello") == "hello-es"
        with pytest.raises(grpc.aio.AioRpcError, match="as it was told to"):
            await mt.text_of(stub, "world")
        status, err = await fault("--server", address, "--kind", "slow", "--factor", "0.1")
    assert status == 1
    assert "factor: 0.1 is outside 1 to 100" in err
