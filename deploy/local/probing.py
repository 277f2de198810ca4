"""Probes as the kubelet asks them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from deploy.local.manifests import Probe

_OWN = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))  # a connection for each question


@dataclass(slots=True)
class Verdict:
    """What a row of answers amounts to. Pure."""

    probe: Probe
    good: bool = False
    _row: int = 0  # answers against the verdict, one after the other

    def after(self, answer: bool) -> bool:
        """The verdict once this answer has come."""
        self._row = 0 if answer == self.good else self._row + 1
        if self._row >= (self.probe.successes if answer else self.probe.failures):
            self.good, self._row = answer, 0
        return self.good


async def answers(probe: Probe, address: str) -> AsyncIterator[bool]:
    """Whether a pod says that it is healthy, once in a period, without end."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(probe.delay_seconds)
    while True:
        next_ = loop.time() + probe.period_seconds
        yield await is_healthy(probe, address)
        await asyncio.sleep(next_ - loop.time())


async def is_healthy(probe: Probe, address: str) -> bool:
    """One question over a connection of its own."""
    async with grpc.aio.insecure_channel(f"{address}:{probe.port}", options=_OWN) as channel:
        try:
            answer = await HealthStub(channel).Check(  # type: ignore[attr-defined]  # its stubs leave methods out
                HealthCheckRequest(service=probe.service), timeout=probe.timeout_seconds
            )
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == HealthCheckResponse.SERVING)
