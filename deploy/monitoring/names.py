"""The schema's metrics as Prometheus sees them. A test holds this against the exporter itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.common.telemetry.metrics import METRICS, Metric

# What the exporter appends. Of "1" and of annotations ("{slot}") it appends nothing.
UNITS: Mapping[str, str] = {"s": "_seconds", "d": "_days", "By": "_bytes"}


@dataclass(frozen=True, slots=True)
class Family:
    """A metric under its Prometheus name, with what its series are called."""

    name: str
    metric: Metric
    series: tuple[str, ...]

    @property
    def labels(self) -> frozenset[str]:
        """Its own; those of the scrape come on top."""
        return frozenset(self.metric.attributes) | (
            frozenset({"le"}) if self.metric.kind == "histogram" else frozenset()
        )


def family(metric: Metric) -> Family:
    """The metric under its Prometheus name."""
    name = metric.name.replace(".", "_")
    unit = UNITS.get(metric.unit, "")
    name = name if name.endswith(unit) else name + unit
    if metric.kind in ("counter", "observed_counter"):
        return Family(f"{name}_total", metric, (f"{name}_total",))
    if metric.kind == "histogram":
        return Family(name, metric, (f"{name}_bucket", f"{name}_count", f"{name}_sum"))
    return Family(name, metric, (name,))


FAMILIES: Mapping[str, Family] = {each.name: each for each in map(family, METRICS.values())}
SERIES: Mapping[str, Family] = {series: each for each in FAMILIES.values() for series in each.series}
