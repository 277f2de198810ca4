"""A translation stage, and a call of it as a test makes it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import psutil
import pytest

from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from services.common.server.lifecycle import running
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings

needs_apertium = pytest.mark.skipif(not shutil.which("lt-proc"), reason="Apertium is not installed")


@asynccontextmanager
async def stage(
    engine: str = "scripted", slots: int = 16, cache_entries: int = 0, **options: Any
) -> AsyncIterator[mt_pb2_grpc.MtAsyncStub]:
    """A stage without a cache, so that every call reaches the engine."""
    own: dict[str, Any] = {engine: options}
    settings = MtSettings(engine=engine, slots=slots, cache_entries=cache_entries, drain_seconds=0, **own)
    async with running(MtServicer(settings), settings) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:
        yield mt_pb2_grpc.MtStub(to)


def asking(text: str, **fields: Any) -> mt_pb2.TranslateRequest:
    return mt_pb2.TranslateRequest(**{"text": text, "source_lang": "en", "target_lang": "es", "final": True, **fields})


async def text_of(stub: mt_pb2_grpc.MtAsyncStub, text: str, **fields: Any) -> str:
    response = await stub.Translate(asking(text, **fields), timeout=60)
    return response.text


async def until_slots_used(stub: mt_pb2_grpc.MtAsyncStub, count: int) -> None:
    for _ in range(6_000):
        told = await stub.Describe(mt_pb2.DescribeRequest())
        if told.slots_used == count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{told.slots_used} slots are in use.")


def programs() -> list[psutil.Process]:
    """The programs of the pipelines that run."""
    return [child for child in psutil.Process().children() if _is_program(child)]


def _is_program(child: psutil.Process) -> bool:
    try:
        return child.status() != psutil.STATUS_ZOMBIE and "-z" in child.cmdline()
    except psutil.NoSuchProcess:
        return False
