"""Tells Kubernetes which pods are idle.

A scale-in ends the pods of least cost. This process watches all replicas as a gateway does, and annotates each pod with
the streams it serves. It is a process of its own because it alone may write pods.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from itertools import chain
from typing import Protocol

import grpc

from services.common.cancelling import TaskGroup
from services.common.errors import MeshError
from services.common.server.replica import Replica
from services.common.server.slots import Slots
from services.common.tls.calling import Dial
from services.gateway.deletion.costs import Pod, changes
from services.gateway.deletion.settings import DeletionSettings
from services.gateway.stages.addresses import Addresses
from services.gateway.stages.replicas import Replicas

log = logging.getLogger(__name__)


class Pods(Protocol):
    """The pods, as the platform has them. Each method raises MeshError."""

    async def close(self) -> None:
        """Close the connections to the platform."""

    async def running(self) -> list[Pod]:
        """List the pods that run."""

    async def write(self, pod: Pod, cost: int) -> None:
        """Write the deletion cost of a pod."""


class DeletionServicer:
    """Serves its own state only: whether it lives and is ready."""

    service_name = "mesh.stage.v1.Stage"

    def __init__(self, settings: DeletionSettings, pods: Pods) -> None:
        self.replica = Replica(Slots(settings.slots, stage=""))
        self._settings = settings
        self._pods = pods
        endpoints = {
            "asr": (settings.asr_endpoints, settings.asr_tls_name),
            "mt": (settings.mt_endpoints, settings.mt_tls_name),
            "tts": (settings.tts_endpoints, settings.tts_tls_name),
            "gateway": (settings.peer_endpoints, settings.peer_tls_name),
        }
        self._dial = Dial.of(settings, "deletion", chain.from_iterable(where for where, _ in endpoints.values()))
        seconds = (settings.watch_timeout_ms / 1000, settings.resolve_seconds)
        self._replicas = {
            stage: Replicas(stage.upper(), Addresses(where, tls_name=name, dial=self._dial), *seconds)
            for stage, (where, name) in endpoints.items()
        }
        self._running = AsyncExitStack()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register nothing beside what every server has."""

    async def start(self) -> None:
        """Watches the replicas, and begins to write."""
        tasks = await self._running.enter_async_context(TaskGroup())
        self._running.callback(tasks.create_task(self._dial.run()).cancel)
        for replicas in self._replicas.values():
            self._running.callback(tasks.create_task(replicas.run()).cancel)
            await replicas.known()
        self._running.callback(tasks.create_task(self._write_often()).cancel)

    async def drain(self, seconds: float) -> None:
        """Drain nothing: this process serves no calls."""

    async def stop(self) -> None:
        """Close the connections to the replicas and to the platform."""
        await self._running.aclose()
        await self._pods.close()

    async def _write_often(self) -> None:
        while True:
            try:
                await self._write()
            except MeshError as fault:
                log.warning("costs not written", extra={"fields": {"code": fault.code, "reason": fault.message}})
            await asyncio.sleep(self._settings.interval_seconds)

    async def _write(self) -> None:
        pods = await self._pods.running()
        changed = changes(pods, {stage: replicas.seen for stage, replicas in self._replicas.items()})
        for pod, cost in changed:
            await self._pods.write(pod, cost)
            await asyncio.sleep(1 / self._settings.patches_per_second)
        if changed:
            log.info("costs written", extra={"fields": {"pods": len(changed), "of": len(pods)}})
