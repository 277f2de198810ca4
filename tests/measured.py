"""What a test's block counts and measures, as the exporters see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import metrics
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from services.common.exporting import views


class Measured:
    """Begins empty, whatever was measured before."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader

    def points(self) -> dict[str, list[Any]]:
        """The data points of every metric by its name, as they are now."""
        read = self._reader.get_metrics_data()
        scopes = [scope for each in read.resource_metrics for scope in each.scope_metrics] if read else []
        return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        """Values of a metric, or counts of a histogram, by the values of its attributes in their order there."""
        return {
            tuple(map(str, point.attributes.values())): point.count if hasattr(point, "count") else point.value
            for point in self.points().get(name, [])
        }


@contextmanager
def measured() -> Iterator[Measured]:
    """Measures the block. Instruments are made once, for the whole process; so is what provides them here."""
    provider = metrics.get_meter_provider()
    if not isinstance(provider, MeterProvider):
        provider = MeterProvider(exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False, views=views())
        metrics.set_meter_provider(provider)
    reader = InMemoryMetricReader()
    provider.add_metric_reader(reader)
    try:
        yield Measured(reader)
    finally:
        provider.remove_metric_reader(reader)
