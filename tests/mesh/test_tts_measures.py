"""What a speech stage measures of its clauses."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest

from mesh.tts.v1 import tts_pb2_grpc
from services.common.server.lifecycle import running
from services.tts.engine import Clause
from services.tts.engines.scripted import engine as scripted
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from tests.measured import Measured, measured
from tests.mesh.tts import spoken, stage

LANGUAGE = ("es",)
RATE = 16_000


class Loud(scripted.Engine):
    """Is cut off at full scale."""

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        async for piece in super().synthesize(clause):
            yield np.clip(np.frombuffer(piece, "<i2").astype(int) * 8, -32_767, 32_767).astype("<i2").tobytes()


class Mute(scripted.Engine):
    """Speaks, and is not heard."""

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        async for piece in super().synthesize(clause):
            yield bytes(len(piece))


class Late(scripted.Engine):
    """Says nothing in the first of four pieces, each of which takes a while."""

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        for number in range(4):
            await self._device.compute()
            yield (bytes(2) if number == 0 else b"\x00\x20") * (RATE // 10)


@asynccontextmanager
async def voiced(engine: type[scripted.Engine], **scripted: Any) -> AsyncIterator[tts_pb2_grpc.TtsAsyncStub]:
    name = f"{engine.__module__}:{engine.__name__}"
    settings = TtsSettings.model_validate({"engine": name, "drain_seconds": 0, "scripted": scripted})
    async with running(TtsServicer(settings), settings) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:
        yield tts_pb2_grpc.TtsStub(to)


def none_of(read: Measured, *names: str) -> bool:
    return not any(read.points(name) for name in names)


async def test_speech_and_the_time_it_takes_are_measured_by_clause() -> None:
    with measured() as read:
        async with stage(compute_ms=20, char_ms=50, piece_ms=100) as stub:
            await spoken(stub, "eight ch", lang="es-MX")
        took, factor, first = (read.only(name) for name in ("engine.duration", "real_time_factor", "tts.first_audio"))
        assert set(read.points("engine.duration")) == {("tts", "es")}
        assert read.values("tts.audio") == {LANGUAGE: pytest.approx(0.4)}
        assert none_of(read, "tts.clipped", "tts.silent")
        assert read.points("tts.silence")[LANGUAGE].sum == 0
    assert took.sum >= 4 * 0.020
    assert factor.sum == pytest.approx(took.sum / 0.4)
    assert 0.020 <= first.sum < took.sum


async def test_a_voice_that_is_cut_off_at_full_scale_is_seen() -> None:
    with measured() as read:
        async with voiced(Loud) as stub:
            await spoken(stub, "hello")
            await spoken(stub, "hello")
        assert read.values("tts.clipped") == {LANGUAGE: 2}


async def test_a_voice_that_cannot_be_heard_is_seen() -> None:
    with measured() as read:
        async with voiced(Mute) as stub:
            assert not await spoken(stub, "hello")
        assert read.values("tts.silent") == {LANGUAGE: 1}
        assert read.points("tts.silence")[LANGUAGE].sum == 1
        assert none_of(read, "tts.first_audio", "tts.clipped")


async def test_the_first_audio_is_the_first_that_can_be_heard_and_silence_has_its_share() -> None:
    with measured() as read:
        async with voiced(Late, compute_ms=30) as stub:
            await spoken(stub, "hello")
        assert read.only("tts.first_audio").sum >= 2 * 0.030
        assert read.points("tts.silence")[LANGUAGE].sum == 0.25


async def test_of_a_clause_that_broke_only_what_was_made_counts() -> None:
    with measured() as read:
        async with stage(fail_first_n=1) as stub:
            with pytest.raises(grpc.aio.AioRpcError):
                await spoken(stub, "hello")
        assert none_of(read, "engine.duration", "tts.silent", "tts.silence", "real_time_factor")
