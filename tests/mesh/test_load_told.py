"""How busy a replica's engine is, as the replica tells those who watch it."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from mesh.mt.v1 import mt_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from services.common.server.lifecycle import running
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from tests.mesh.mt import text_of


async def test_a_stage_tells_what_waits_for_its_engine_and_how_full_that_is() -> None:
    settings = MtSettings.model_validate({"engine": "scripted", "scripted": {"compute_ms": 400, "batch": 2}})
    async with running(MtServicer(settings), settings) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:
        watch: Any = stage_pb2_grpc.StageStub(to).Watch(stage_pb2.WatchRequest())
        idle = await watch.read()
        assert (idle.queue_seconds, idle.fill) == (0, 0)
        async with asyncio.TaskGroup() as tasks:
            for number in range(3):  # one is computed alone, two wait for it
                tasks.create_task(text_of(mt_pb2_grpc.MtStub(to), f"number {number}"))
        told = await watch.read()
        while not (told.queue_seconds and told.fill):
            told = await watch.read()
        assert told.queue_seconds < 1
        assert told.fill < 0.5  # of the last five seconds
        watch.cancel()
