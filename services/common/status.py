"""A replica's state, told to those who place calls on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from mesh.stage.v1 import stage_pb2, stage_pb2_grpc

if TYPE_CHECKING:
    Context: TypeAlias = grpc.aio.ServicerContext[stage_pb2.WatchRequest, stage_pb2.WatchResponse]

TOLD_EVERY_SECONDS = 0.25


class StatusServicer(stage_pb2_grpc.StageServicer):
    """Serves `mesh.stage.v1.Stage`."""

    def __init__(self, state: Callable[[], Any], slots: int) -> None:
        self._state = state
        self._slots = slots

    async def Watch(  # type: ignore[override]  # noqa: D102 - it writes; the contract documents it
        self, request: stage_pb2.WatchRequest, context: Context
    ) -> None:
        while True:
            await context.write(stage_pb2.WatchResponse(state=self._state(), slots_total=self._slots))
            await asyncio.sleep(TOLD_EVERY_SECONDS)
