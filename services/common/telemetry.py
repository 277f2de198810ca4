"""Traces: OpenTelemetry, set up by its standard `OTEL_*` variables. Without them the API's no-ops run, at no cost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

tracer = trace.get_tracer("babelmesh")

Metadata = tuple[tuple[str, str], ...]


def configured() -> bool:
    """Whether the environment asks for traces."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "")
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return exporter != "none" and (exporter == "otlp" or any(os.environ.get(name) for name in endpoints))


def setup(service: str) -> None:
    """Starts exporting this process's spans over OTLP when the environment asks for it.

    Raises RuntimeError when it asks and the `telemetry` extra is not installed.
    """
    if not configured():
        return
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = _exporter()
    except ImportError as error:
        raise RuntimeError("OTEL_* asks for traces: install babelmesh[telemetry]") from error
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over our name.
    attributes = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": f"babelmesh-{service}"}
    provider = TracerProvider(resource=Resource.create(attributes))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def _exporter() -> SpanExporter:
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol in (None, "", "grpc"):
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter

    return HttpSpanExporter()


def shutdown() -> None:
    """Sends the spans that still wait."""
    stop = getattr(trace.get_tracer_provider(), "shutdown", None)
    if stop is not None:
        stop()


def shared_span(name: str, members: Iterable[Span], attributes: Mapping[str, int | str]) -> Span:
    """Begins the span of work for several: of no trace of its members, but linked to each, and each to it."""
    members = list(members)
    links = [Link(each.get_span_context()) for each in members if each.get_span_context().is_valid]
    span = tracer.start_span(name, Context(), links=links, attributes=attributes)
    for each in members:
        if each.is_recording() and span.get_span_context().is_valid:
            each.add_link(span.get_span_context())
    return span


def outgoing(context: Context | None = None) -> Metadata:
    """The gRPC metadata that carries a context, the current one by default, to the next process."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier, context)
    return tuple(carrier.items())


def incoming(metadata: Iterable[tuple[str, str | bytes]] | None) -> Context:
    """The context that came with a call."""
    return propagate.extract({key: value for key, value in metadata or () if isinstance(value, str)})
