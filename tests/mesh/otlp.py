"""A receiver of traces, as a collector would be one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True, slots=True)
class Span:
    """What the tests look at."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    linked: frozenset[str] = frozenset()  # spans, by their ids
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[tuple[str, Mapping[str, Any]], ...] = ()  # names and attributes


@dataclass
class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans it is sent, and the bytes they came in."""

    spans: list[Span] = field(default_factory=list)
    received: bytes = b""

    async def Export(self, request: Any, context: Any) -> Any:
        self.received += request.SerializeToString()
        for resource in request.resource_spans:
            attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.spans += [
                Span(
                    attributes["service.name"],
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    frozenset(link.span_id.hex() for link in span.links),
                    _values(span.attributes),
                    tuple((event.name, _values(event.attributes)) for event in span.events),
                )
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        return trace_service_pb2.ExportTraceServiceResponse()

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


def _values(attributes: Iterable[Any]) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


def reached(root: str, spans: Iterable[Span]) -> set[str]:
    """The ids of a span and of all below it."""
    found, spans = {root}, list(spans)
    while more := {span.span_id for span in spans if span.parent_id in found} - found:
        found |= more
    return found


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    """A receiver and the endpoint it listens on."""
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    receiving = Receiver()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiving, server)  # type: ignore[no-untyped-call]  # generated
    await server.start()
    try:
        yield receiving, f"http://127.0.0.1:{port}"
    finally:
        await server.stop(0)
