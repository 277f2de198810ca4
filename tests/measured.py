"""What a test's block counts and measures, as the exporters see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import metrics
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from services.common.telemetry.exporting import views
from services.common.telemetry.metrics import METRICS


class Measured:
    """Metrics by their names without "babelmesh."; their points by values of attributes, in the schema's order."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader

    def points(self, name: str) -> dict[tuple[str, ...], Any]:
        """Of a metric. Fails for attributes that the schema does not name."""
        names = METRICS[f"babelmesh.{name}"].attributes
        found = {}
        for metric in self._metrics():
            for point in metric.data.data_points if metric.name == f"babelmesh.{name}" else ():
                assert set(point.attributes) <= set(names)
                found[tuple(point.attributes[each] for each in names if each in point.attributes)] = point
        return found

    def only(self, name: str) -> Any:
        """The one point of a metric."""
        (point,) = self.points(name).values()
        return point

    def values(self, name: str) -> dict[tuple[str, ...], float]:
        """Of a counter or gauge."""
        return {of: point.value for of, point in self.points(name).items()}

    def counted(self, name: str) -> dict[tuple[str, ...], float]:
        """Of a counter: what is not zero, as it is for some before there is anything to count."""
        return {of: value for of, value in self.values(name).items() if value}

    def counts(self, name: str) -> dict[tuple[str, ...], int]:
        """Of a histogram: how often something was recorded."""
        return {of: point.count for of, point in self.points(name).items()}

    def least(self, name: str) -> dict[tuple[str, ...], float]:
        """Of a histogram: the least that was recorded."""
        return {of: point.min for of, point in self.points(name).items()}

    def series(self) -> set[tuple[str, ...]]:
        """Every series there is: a metric's name, and values of attributes."""
        names = {metric.name.removeprefix("babelmesh.") for metric in self._metrics()}
        return {(name, *of) for name in names for of in self.points(name)}

    def _metrics(self) -> list[Any]:
        read = self._reader.get_metrics_data()
        scopes = [scope for each in read.resource_metrics for scope in each.scope_metrics] if read else []
        return [metric for scope in scopes for metric in scope.metrics]


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
