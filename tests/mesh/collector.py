"""A receiver of traces and metrics, as a collector would be one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc

from tests.mesh.otlp import Receiver


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a metric."""

    service: str
    metric: str
    attributes: tuple[tuple[str, str], ...]


@dataclass
class MetricsReceiver(metrics_service_pb2_grpc.MetricsServiceServicer):
    """Keeps the series it is sent, and the bytes they came in."""

    series: set[Series] = field(default_factory=set)
    received: bytes = b""

    async def Export(self, request: Any, context: Any) -> Any:
        self.received += request.SerializeToString()
        for resource in request.resource_metrics:
            of = {each.key: each.value.string_value for each in resource.resource.attributes}
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                for point in getattr(metric, metric.WhichOneof("data")).data_points:
                    attributes = tuple(sorted((each.key, each.value.string_value) for each in point.attributes))
                    self.series.add(Series(of["service.name"], metric.name, attributes))
        return metrics_service_pb2.ExportMetricsServiceResponse()


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[Receiver, MetricsReceiver, str]]:
    """A receiver of each and the endpoint they listen on."""
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    traces, metrics = Receiver(), MetricsReceiver()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(traces, server)  # type: ignore[no-untyped-call]  # generated
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(metrics, server)  # type: ignore[no-untyped-call]  # generated
    await server.start()
    try:
        yield traces, metrics, f"http://127.0.0.1:{port}"
    finally:
        await server.stop(0)
