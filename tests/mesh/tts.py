"""A speech synthesis stage, and a call of it as a test makes it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import psutil
import pytest

from mesh.tts.v1 import tts_pb2, tts_pb2_grpc
from services.common.server.lifecycle import running
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings

needs_espeak = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")


@asynccontextmanager
async def stage(engine: str = "scripted", slots: int = 16, **options: Any) -> AsyncIterator[tts_pb2_grpc.TtsAsyncStub]:
    own: dict[str, Any] = {engine: options}
    settings = TtsSettings(engine=engine, slots=slots, drain_seconds=0, **own)
    async with running(TtsServicer(settings), settings) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:
        yield tts_pb2_grpc.TtsStub(to)


def asking(text: str, **fields: Any) -> tts_pb2.SynthesizeRequest:
    return tts_pb2.SynthesizeRequest(**{"text": text, "lang": "es", **fields})


async def spoken(stub: tts_pb2_grpc.TtsAsyncStub, text: str, **fields: Any) -> list[tts_pb2.SynthesizeResponse]:
    return [response async for response in stub.Synthesize(asking(text, **fields), timeout=60)]


async def pcm_of(stub: tts_pb2_grpc.TtsAsyncStub, text: str, **fields: Any) -> bytes:
    return b"".join(response.pcm for response in await spoken(stub, text, **fields))


async def until_slots_used(stub: tts_pb2_grpc.TtsAsyncStub, count: int) -> None:
    for _ in range(6_000):
        told = await stub.Describe(tts_pb2.DescribeRequest())
        if told.slots_used == count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{told.slots_used} slots are in use.")


def children() -> list[psutil.Process]:
    """The children that run, or that nobody has waited for."""
    return [child for child in psutil.Process().children() if "espeak" in child.name() or child.name() == "sh"]
