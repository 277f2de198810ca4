"""What a gateway tells those who look after the mesh."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import pytest

from mesh.overview.v1 import overview_pb2 as pb
from mesh.overview.v1.overview_pb2_grpc import OverviewStub
from mesh.stage.v1 import stage_pb2
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from tests.mesh.failing import switched_on
from tests.mesh.fake_stage import replica
from tests.mesh.mesh import UTTERANCE, Address, Heard, chunks, gateway_address, hello, read_into, talk, text


@asynccontextmanager
async def looking(address: Address, interval_ms: int = 100) -> AsyncIterator[tuple[Any, Any]]:
    """A client of the gateway, and what it tells of the mesh."""
    async with (
        grpc.aio.insecure_channel(address.operators) as operators,
        grpc.aio.insecure_channel(address) as channel,
    ):
        call: Any = OverviewStub(operators).Watch(pb.WatchRequest(interval_ms=interval_ms))
        yield RealtimeTranslateStub(channel), call
        call.cancel()


async def seen(call: Any, told: Callable[[pb.WatchResponse], bool]) -> pb.WatchResponse:
    """The first of what is told that shows it."""
    async with asyncio.timeout(60):
        async for response in call:
            if told(response):
                return cast(pb.WatchResponse, response)
    raise AssertionError("it ended")


def synthesizers() -> Any:
    settings = TtsSettings(engine="scripted", drain_seconds=0)
    return switched_on(lambda: TtsServicer(settings), settings)


def recognizing(response: pb.WatchResponse) -> int:
    """Streams of the first recognizer."""
    return stage(response, "ASR").replicas[0].slots_used


def stage(response: pb.WatchResponse, name: str) -> pb.Stage:
    return next(each for each in response.stages if each.name == name)


async def test_a_mesh_at_rest_is_told_at_once() -> None:
    async with gateway_address(asr_slots=4, slots=8) as address, looking(address, interval_ms=60_000) as (_, call):
        told = await call.read()
        assert [each.name for each in told.stages] == ["ASR", "MT", "TTS"]
        (asr,) = stage(told, "ASR").replicas
        assert (asr.state, asr.slots_total, asr.slots_used) == (stage_pb2.STATE_SERVING, 4, 0)
        assert told.gateway == pb.Replica(number=0, state=stage_pb2.STATE_SERVING, slots_total=8)
        assert list(told.gateways) == [told.gateway]
        assert not told.pairs
        assert not told.degradations


async def test_a_session_is_seen_in_the_gateway_and_its_recognizer_and_so_is_what_became_of_its_segments() -> None:
    async with gateway_address() as address, looking(address) as (gateway, call):
        heard, session = Heard(), gateway.Stream()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, session))
            for message in (hello("es", "ca"), *chunks(UTTERANCE)):
                await session.write(message)
            told = await seen(
                call, lambda told: len(told.pairs) == 2 and stage(told, "ASR").replicas[0].slots_used == 1
            )
            assert told.gateway.slots_used == 1
            await session.done_writing()
        assert [(pair.source_lang, pair.target_lang, pair.segments) for pair in told.pairs] == [
            ("en-US", "ca", 1),
            ("en-US", "es", 1),
        ]
        await seen(call, lambda told: not told.gateway.slots_used)


async def test_lag_and_first_audio_of_a_language_pair_are_told_of_the_last_minute() -> None:
    async with gateway_address() as address, looking(address) as (gateway, call):
        await talk(gateway, hello("es"), text("Hello.", final=True))
        (pair,) = (await seen(call, lambda told: bool(told.pairs))).pairs
        assert pair.segments == 1
        assert 0 <= pair.first_audio.p50_ms <= pair.lag.p95_ms + 1000
        assert pair.lag.p50_ms == pair.lag.p95_ms  # of one


async def test_a_replica_that_is_lost_stays_in_sight_without_a_state() -> None:
    async with (
        replica("a", total=3, fill=0.5, queue_seconds=0.25) as a,
        gateway_address(mt_endpoints=(a.address,)) as address,
        looking(address) as (_, call),
    ):
        told = await seen(call, lambda told: stage(told, "MT").replicas[0].state == stage_pb2.STATE_SERVING)
        (mt,) = stage(told, "MT").replicas
        assert (mt.slots_total, mt.fill, mt.queue_seconds) == (3, 0.5, 0.25)
        a.wire.cut()
        told = await seen(call, lambda told: stage(told, "MT").replicas[0].state == stage_pb2.STATE_UNSPECIFIED)
        assert stage(told, "MT").replicas[0].number == mt.number
        assert a.address not in str(told)


async def test_doing_without_a_stage_is_counted() -> None:
    async with (
        synthesizers() as stage,
        gateway_address(tts_endpoints=(stage.address,), stage_outage_ms=300) as address,
        looking(address) as (gateway, call),
    ):
        await stage.off()
        await talk(gateway, hello("es"), text("Hello.", final=True))
        assert (await seen(call, lambda told: told.degradations == 1)).gateway


@pytest.mark.parametrize("interval_ms", [1, 60_001])
async def test_an_interval_out_of_bounds_is_refused_by_name(interval_ms: int) -> None:
    async with gateway_address() as address, looking(address, interval_ms) as (_, call):
        with pytest.raises(grpc.aio.AioRpcError, match="interval_ms"):
            await call.read()
