"""What a test's block counts and measures, as an exporter would see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import metrics
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from services.common.metrics import METRICS


class Read:
    """Metrics by their names without "babelmesh.", their points by the values of their attributes in their order."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader

    def points(self, name: str) -> dict[tuple[str, ...], Any]:
        """The points there are now. Fails for attributes that are not the schema's."""
        metric = METRICS[f"babelmesh.{name}"]
        found = {}
        for each in self._metrics():
            for point in each.data.data_points if each.name == metric.name else ():
                assert set(point.attributes) <= set(metric.attributes)
                found[tuple(point.attributes[key] for key in metric.attributes if key in point.attributes)] = point
        return found

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        """Of a counter."""
        return {of: point.value for of, point in self.points(name).items()}

    def only(self, name: str) -> Any:
        """The one point of a metric."""
        (point,) = self.points(name).values()
        return point

    def _metrics(self) -> list[Any]:
        read = self._reader.get_metrics_data()
        scopes = [scope for each in read.resource_metrics for scope in each.scope_metrics] if read else []
        return [metric for scope in scopes for metric in scope.metrics]


@contextmanager
def reading() -> Iterator[Read]:
    """Reads what is measured in the block, from nothing. A process has one provider, which whoever is first sets."""
    provider = metrics.get_meter_provider()
    if not isinstance(provider, MeterProvider):
        provider = MeterProvider(exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False)
        metrics.set_meter_provider(provider)
    reader = InMemoryMetricReader()
    provider.add_metric_reader(reader)
    try:
        yield Read(reader)
    finally:
        provider.remove_metric_reader(reader)
