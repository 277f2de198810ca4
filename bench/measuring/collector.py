"""A collector of telemetry in a process of its own, so that what it costs is nobody's: OTLP over gRPC, and scrapes.

    python -m bench.measuring.collector PORT [SCRAPED_URL ...]

Until SIGTERM; then it prints, as JSON, how many spans, series and scrapes came.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPException
from typing import Any
from urllib.request import urlopen

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

SCRAPE_SECONDS = 1.0


@dataclass(slots=True)
class Collected:
    """How much came."""

    spans: int = 0
    metrics: int = 0  # by OTLP
    scrapes: int = 0


@asynccontextmanager
async def collecting(port: int, scraped: Sequence[str]) -> AsyncIterator[Collected]:
    """Has one listen on a port of loopback for the block, and scrape; what came is known once the block is left."""
    command = [sys.executable, "-m", "bench.measuring.collector", str(port), *scraped]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    collected = Collected()
    try:
        assert process.stdout
        await process.stdout.readline()  # it listens
        yield collected
    finally:
        process.terminate()
        output, _ = await process.communicate()
    for name, count in json.loads(output).items():
        setattr(collected, name, count)


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, collected: Collected) -> None:
        self._collected = collected

    async def Export(self, request: Any, context: Any) -> Any:
        scopes = [scope for resource in request.resource_spans for scope in resource.scope_spans]
        self._collected.spans += sum(len(scope.spans) for scope in scopes)
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, collected: Collected) -> None:
        self._collected = collected

    async def Export(self, request: Any, context: Any) -> Any:
        scopes = [scope for resource in request.resource_metrics for scope in resource.scope_metrics]
        self._collected.metrics += sum(len(scope.metrics) for scope in scopes)
        return metrics_service_pb2.ExportMetricsServiceResponse()


async def _scrape(url: str, collected: Collected) -> None:
    while True:
        try:
            await asyncio.to_thread(lambda: urlopen(url, timeout=5).read())
            collected.scrapes += 1
        except (OSError, HTTPException):
            pass  # the service is still starting, or has ended
        await asyncio.sleep(SCRAPE_SECONDS)


async def _collect(port: int, scraped: Sequence[str]) -> None:
    collected = Collected()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(collected), server)  # type: ignore[no-untyped-call]  # generated
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Metrics(collected), server)  # type: ignore[no-untyped-call]  # generated
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    print("listening", flush=True)
    async with asyncio.TaskGroup() as tasks:
        scraping = [tasks.create_task(_scrape(url, collected)) for url in scraped]
        await ended.wait()
        for each in scraping:
            each.cancel()
    await server.stop(0)
    print(json.dumps(asdict(collected)), flush=True)


if __name__ == "__main__":
    asyncio.run(_collect(int(sys.argv[1]), sys.argv[2:]))
