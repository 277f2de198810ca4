"""What a block of a test counted and measured, as an exporter sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import metrics
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from services.common.metrics import METRICS


class Measured:
    """Each metric's points, by name without "babelmesh." and by the values of attributes, in the schema's order."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader

    def points(self, name: str) -> dict[tuple[str, ...], Any]:
        """Of a metric. Fails when one has attributes that the schema does not name."""
        names = METRICS[f"babelmesh.{name}"].attributes
        found = {}
        for metric in self._metrics():
            for point in metric.data.data_points if metric.name == f"babelmesh.{name}" else ():
                assert set(point.attributes) <= set(names)
                found[tuple(point.attributes[each] for each in names if each in point.attributes)] = point
        return found

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        """Of a counter or gauge."""
        return {of: point.value for of, point in self.points(name).items()}

    def counts(self, name: str) -> dict[tuple[str, ...], int]:
        """Of a histogram: how often something was recorded."""
        return {of: point.count for of, point in self.points(name).items()}

    def least(self, name: str) -> dict[tuple[str, ...], float]:
        """Of a histogram."""
        return {of: point.min for of, point in self.points(name).items()}

    def series(self) -> set[tuple[str, ...]]:
        """Every series there is: a metric's name, and values of attributes."""
        names = {metric.name.removeprefix("babelmesh.") for metric in self._metrics()}
        return {(name, *of) for name in names for of in self.points(name)}

    def _metrics(self) -> list[Any]:
        read = self._reader.get_metrics_data()
        return [
            each for of in (read.resource_metrics if read else ()) for in_ in of.scope_metrics for each in in_.metrics
        ]


@contextmanager
def measured() -> Iterator[Measured]:
    """Measures the block, from nothing. There is one meter provider in a process, and it stays."""
    provider = metrics.get_meter_provider()
    if not isinstance(provider, MeterProvider):
        provider = MeterProvider(exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False)
        metrics.set_meter_provider(provider)
    reader = InMemoryMetricReader()
    provider.add_metric_reader(reader)
    try:
        yield Measured(reader)
    finally:
        provider.remove_metric_reader(reader)
