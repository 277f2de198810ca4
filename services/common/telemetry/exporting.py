"""Exports spans and metrics, by OpenTelemetry's standard `OTEL_*` variables and by `<SERVICE>_ADMIN`.

Without any of them nothing is set up, and the API's no-ops run. What is asked for and cannot be is refused by name.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

from services.common.errors import InvalidArgument, Unsupported
from services.common.settings import ServiceSettings
from services.common.telemetry.metrics import METRICS

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader
    from opentelemetry.sdk.metrics.view import View
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter

MOST_SERIES = 500  # of one metric; whatever comes beyond is one more, labelled as overflow
_LAST_EXPORT_MS = 2000.0  # for a collector to take the last metrics

_PROTOCOLS = ("grpc", "http/protobuf")
_EXEMPLARS = ("always_off", "always_on", "trace_based")


@dataclass(frozen=True, slots=True)
class Asked:
    """The exports that were asked for: traces, metrics and the Prometheus port."""

    traces: str = ""  # the protocol of OTLP; empty: none
    metrics: str = ""  # likewise
    prometheus: str = ""  # the address to serve metrics on; empty: they are not served
    prometheus_setting: str = ""  # what named it
    exemplars: str = "always_off"  # they keep attributes that a metric has not, and cost with every value


def asked(variables: Mapping[str, str], admin: str | None = None, admin_setting: str = "ADMIN") -> Asked:
    """Return the exports that the environment and a service's setting ask for. Raises InvalidArgument for
    unsupported ones.
    """
    if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        if admin:
            message = "It asks for metrics, and OTEL_SDK_DISABLED forbids them."
            raise InvalidArgument("TELEMETRY_DISABLED", message, admin_setting, ["unset, or OTEL_SDK_DISABLED unset"])
        return Asked()
    for name in ("OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"):
        _require_milliseconds(variables, name)
    served, named = admin, admin_setting
    if not served and "prometheus" in _exporters(variables, "METRICS"):
        named = "OTEL_EXPORTER_PROMETHEUS_PORT"
        served = f"{variables.get('OTEL_EXPORTER_PROMETHEUS_HOST') or 'localhost'}:{variables.get(named) or 9464}"
    return Asked(
        traces=_otlp(variables, "TRACES"),
        metrics=_otlp(variables, "METRICS"),
        prometheus=served or "",
        prometheus_setting=named if served else "",
        exemplars=_one_of(_EXEMPLARS, variables, "OTEL_METRICS_EXEMPLAR_FILTER"),
    )


def _otlp(variables: Mapping[str, str], signal: str) -> str:
    """Return the protocol that exports a signal over OTLP; empty when it is not exported so."""
    protocols = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"
    endpoints = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
    exporters = _exporters(variables, signal)
    protocol = _one_of(_PROTOCOLS, variables, *protocols)
    wanted = "otlp" in exporters if exporters else any(variables.get(name) for name in endpoints)
    return protocol if wanted else ""


def _exporters(variables: Mapping[str, str], signal: str) -> tuple[str, ...]:
    """Return the names in OTEL_TRACES_EXPORTER or OTEL_METRICS_EXPORTER, which are separated by commas."""
    setting = f"OTEL_{signal}_EXPORTER"
    named = tuple(name for name in (part.strip() for part in variables.get(setting, "").split(",")) if name)
    accepted = ["otlp", "none"] if signal == "TRACES" else ["otlp", "prometheus", "none"]
    for name in named:
        if name not in accepted or (name == "none" and len(named) > 1):
            raise InvalidArgument("UNKNOWN_EXPORTER", f"There is no {name!r}, or not beside others.", setting, accepted)
    return named


def _one_of(accepted: tuple[str, ...], variables: Mapping[str, str], *names: str) -> str:
    """Return the value of the first of some variables that is set; the first accepted one where none is."""
    for name in names:
        if value := variables.get(name):
            if value not in accepted:
                raise InvalidArgument("UNKNOWN_VALUE", f"It is {value!r}.", name, accepted)
            return value
    return accepted[0]


def _require_milliseconds(variables: Mapping[str, str], name: str) -> None:
    value = variables.get(name)
    if not value:
        return
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise InvalidArgument("NOT_MILLISECONDS", f"It is {value!r}.", name, ["milliseconds, more than 0"])


@contextmanager
def exported(service: str, settings: ServiceSettings) -> Iterator[None]:
    """Export this process's spans and metrics for the block, as asked; at its end, flush what still waits.

    Raises InvalidArgument where it cannot, naming the setting, and Unsupported without the `telemetry` extra.
    """
    wanted = asked(os.environ, settings.admin, f"{settings.model_config.get('env_prefix', '')}ADMIN")
    with ExitStack() as running:
        try:
            if wanted.traces:
                running.callback(_export_traces(wanted, service))
            if wanted.metrics or wanted.prometheus:
                _export_metrics(wanted, service, running)
        except ImportError as error:
            asking = wanted.prometheus_setting or "OTEL_*"
            message = "It asks for telemetry, which is not installed: pip install 'babelmesh-server[telemetry]'."
            raise Unsupported("NO_TELEMETRY", message, asking) from error
        yield


def _export_traces(wanted: Asked, service: str) -> Callable[[], None]:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=_resource(service))
    provider.add_span_processor(BatchSpanProcessor(_span_exporter(wanted.traces)))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def _export_metrics(wanted: Asked, service: str, running: ExitStack) -> None:
    """Set up and export metrics; what that starts ends with `running`."""
    from opentelemetry.sdk.metrics import (
        AlwaysOffExemplarFilter,
        AlwaysOnExemplarFilter,
        MeterProvider,
        TraceBasedExemplarFilter,
    )
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    readers: list[MetricReader] = []
    if wanted.prometheus:
        from services.common.telemetry import metrics_port

        readers.append(running.enter_context(metrics_port.served(wanted.prometheus, wanted.prometheus_setting)))
    if wanted.metrics:
        readers.append(PeriodicExportingMetricReader(_metric_exporter(wanted.metrics)))
    filters = {
        "always_off": AlwaysOffExemplarFilter(),
        "always_on": AlwaysOnExemplarFilter(),
        "trace_based": TraceBasedExemplarFilter(),
    }
    exemplars = filters[wanted.exemplars]
    provider = MeterProvider(readers, _resource(service), exemplars, shutdown_on_exit=False, views=views())
    running.callback(provider.shutdown, _LAST_EXPORT_MS)
    metrics.set_meter_provider(provider)


def views() -> list[View]:
    """Return the views that bound every metric to its schema's attributes, and to a limited number of series."""
    from opentelemetry.sdk.metrics.view import View

    return [
        View(
            instrument_name=metric.name,
            meter_name="babelmesh",
            attribute_keys=set(metric.attributes),
            aggregation_cardinality_limit=MOST_SERIES,
        )
        for metric in METRICS.values()
    ]


def _resource(service: str) -> Resource:
    """Return the resource of this process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override our own values."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    ours = {
        "service.name": f"babelmesh-{service}",
        "service.version": importlib.metadata.version("babelmesh"),
        "service.instance.id": _INSTANCE,
    }
    return Resource.create(ours).merge(OTELResourceDetector().detect())


_INSTANCE = str(uuid.uuid4())  # of this process


def _span_exporter(protocol: str) -> SpanExporter:
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter

    return HttpSpanExporter()


def _metric_exporter(protocol: str) -> MetricExporter:
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

        return OTLPMetricExporter()
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter

    return HttpMetricExporter()
